"""What every network shares: its configuration, the onset input, and the readout, which gives an embedding at every
hop.

Shape suffixes: B streams, C channels, T samples, H hops, F features of a hop, D embedding.
"""

import math
from typing import ClassVar, Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Share, Size
from decoder.layers.onset import OnsetSum, onset_basis
from decoder.streaming import State, Streaming, prefixed, substate
from decoder.training_trials import TrainingTrials


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EncoderConfig:
    """What any network is made from; JSON can hold it. ValidationError, a ValueError, for a value that cannot be."""

    n_channels: Size
    sfreq: Positive  # Hz, of the network's input
    hop_samples: Size  # samples per embedding
    embedding_dim: Size  # width of the target space
    positions: tuple[tuple[float, float, float] | None, ...] | None = None  # m, per channel; None: unknown
    n_subjects: Size = 1
    dropout: Share = 0.5
    onset_features: Size = 64  # cosines over 0..2 s since onset: half a period of the last one is 32 ms
    leak_s: Positive = 1.0  # time constant of the readout where no onset is known


class Readout(Streaming):
    """Embeddings from the features of each hop, weighted by the time since onset and summed since then.

    float32[B, H, F] and since-onset float32[B, H] to float32[B, H, D]. It replaces the dense layer over the whole
    window of an offline network: it can express a low-rank form of that layer, and has an output at every hop.

    State: since_onset.*  # see OnsetSum
    """

    def __init__(self, n_features: int, config: EncoderConfig, width: int = 32):
        super().__init__()
        c = config
        self.onset_features = c.onset_features
        self.token = nn.Linear(n_features, width)
        self.gain = nn.Linear(c.onset_features, width)
        nn.init.ones_(self.gain.bias)
        self.since_onset = OnsetSum(width, leak=math.exp(-c.hop_samples / (c.sfreq * c.leak_s)))
        self.dropout = nn.Dropout(c.dropout)
        self.now = nn.Linear(n_features, c.embedding_dim)
        self.accumulated = nn.Linear(width, c.embedding_dim)

    def forward(
        self, x_BHF: Tensor, state: State | None = None, onset_BH: Tensor | None = None
    ) -> tuple[Tensor, State]:
        state = self.init_state(x_BHF.shape[0]) if state is None else state
        onset_BH = torch.full_like(x_BHF[..., 0], -1.0) if onset_BH is None else onset_BH
        gain_BHW = self.gain(onset_basis(onset_BH, self.onset_features).to(x_BHF.dtype))
        sums_BHW, layer_state = self.since_onset(self.token(x_BHF) * gain_BHW, substate(state, "since_onset"), onset_BH)
        return self.now(self.dropout(x_BHF)) + self.accumulated(self.dropout(sums_BHW)), prefixed(
            "since_onset", layer_state
        )


class Network(nn.Module):
    """The methods that training calls on a network, whether it streams or takes whole windows."""

    config: EncoderConfig

    fit_method: ClassVar[Literal["gradient_descent", "closed_form"]] = "gradient_descent"
    learns_whitening: ClassVar[bool] = False  # True: `set_whitening` is called before training

    @classmethod
    def embedding_dim_for(cls, n_labels: int, target_dim: int | None, default: int) -> int:
        """`embedding_dim` for `n_labels` labels with vectors of `target_dim` numbers; None: with trained prototypes."""
        return default if target_dim is None else target_dim

    @classmethod
    def window_config(cls, start_s: float, end_s: float) -> dict[str, float]:
        """Fields of the config that follow from a trial's window, in seconds since onset."""
        return {}

    def bank_rows(self, vectors_KD: Tensor) -> Tensor:
        """Rows [K, embedding_dim] of a bank in which embeddings look for the vectors [K, D] of labels."""
        return vectors_KD

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Set the fixed whitening of the sensors; only called where `learns_whitening` is true."""
        raise TypeError(f"{type(self).__name__} whitens nothing")

    def fit(self, trials: TrainingTrials) -> None:
        """Fit all weights by formula; only called where `fit_method` is closed_form."""
        raise TypeError(f"{type(self).__name__} is trained by gradient descent")

    def embed_crops(self, x_BCT: Tensor, onset_BH: Tensor) -> Tensor:
        """Embeddings [B, H, D] of every hop of crops; [B, 1, D] of whole windows where the network takes those."""
        raise NotImplementedError


class StreamingNetwork(Network, Streaming):
    """A network that gives an embedding of the seen stimulus every hop, at any time since onset.

    Signal float32[B, C, T] and since-onset float32[B, H] in seconds at the end of each hop (negative or None: no onset
    known) to float32[B, H, embedding_dim], not normalised. `subject` int64[B] or int selects the weights of a person.
    A subclass makes its layers and implements `embed`.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config, self.hop = config, config.hop_samples

    def forward(
        self,
        x_BCT: Tensor,
        state: State | None = None,
        onset_BH: Tensor | None = None,
        subject: Tensor | int = 0,
    ) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        n_hops = self.steps(x_BCT.shape[-1])
        if n_hops == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], 0, self.config.embedding_dim), state
        if onset_BH is None:
            onset_BH = x_BCT.new_full((x_BCT.shape[0], n_hops), -1.0)
        embedding_BHD, new = self.embed(x_BCT, state, onset_BH, subject)
        return embedding_BHD, {key: new[key] for key in state}

    def embed_crops(self, x_BCT: Tensor, onset_BH: Tensor) -> Tensor:
        embedding_BHD: Tensor = self(x_BCT, None, onset_BH)[0]
        return embedding_BHD

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        """Embeddings of one hop or more, and the new state."""
        raise NotImplementedError


class FeatureEncoder(StreamingNetwork):
    """Causal features of each hop, followed by the shared readout.

    See StreamingNetwork for what goes in and out. A subclass makes its layers, gives `n_features` to this class, and
    implements `features`.

    State: that of the layers of `features`; readout.*  # see Readout
    """

    def __init__(self, config: EncoderConfig, n_features: int):
        super().__init__(config)
        self.readout = Readout(n_features, config)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        """Features float32[B, H, F] of each hop and the new state of the layers that made them; T is never 0."""
        raise NotImplementedError

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        features_BHF, new = self.features(x_BCT, state, subject)
        embedding_BHD, layer_state = self.readout(features_BHF, substate(state, "readout"), onset_BH)
        return embedding_BHD, new | prefixed("readout", layer_state)
