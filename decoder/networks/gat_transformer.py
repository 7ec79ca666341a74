"""The flagship: graph attention over sensors, evidence since onset, band power, and a causal transformer.

Shape suffixes: B streams, C channels, T samples, H hops, F features of one sensor, D features.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from decoder.power import LogPower
from decoder.sensor_graph import GraphAttention, distance_knn
from decoder.since_onset import SinceOnset, onset_basis
from decoder.streaming import State, Streaming, nest, remember, take
from decoder.transformer import TransformerBlock


@dataclass(frozen=True)
class GatTransformerConfig:
    """What a GatTransformer is made from; JSON can hold it."""

    n_channels: int
    sfreq: float  # Hz, of the signal the network gets
    hop_samples: int  # one embedding per so many samples
    embedding_dim: int  # width of the target space
    positions: tuple[tuple[float, float, float] | None, ...] | None = None  # m, per channel; None: joins no neighbours
    dim: int = 64  # token width
    stem_features: int = 16  # features per sensor and hop
    stem_kernel: int | None = None  # samples; None: two hops
    k_neighbours: int = 6  # per sensor, itself included
    graph_heads: int = 2
    graph_activation: str = "leaky_relu"  # or softplus
    graph_version: int = 2  # 1: GAT, 2: GATv2
    n_layers: int = 2  # transformer blocks
    n_heads: int = 4  # of their attention
    attention_window: int = 64  # hops
    power_bands: int = 9  # log-spaced
    power_band_hz: tuple[float, float] = (4.0, 40.0)  # first and last centre
    power_sources: int = 4  # spatial filters per band
    power_windows_s: tuple[float, ...] = (0.5, 2.0)  # trailing
    power_kernel_s: float = 0.5
    onset_features: int = 64  # cosines over 0..2 s since onset: the last one turns every 32 ms
    leak_s: float = 1.0  # memory of the accumulator where no onset is known
    n_subjects: int = 1
    dropout: float = 0.1


class SensorStem(Streaming):
    """One strided causal convolution, the same for every sensor.

    float32[B, C, T] to float32[B, T / hop, C, F].

    State: past  float32[B, C, kernel - hop]  # last samples seen; absent where that is 0
    """

    def __init__(self, n_channels: int, n_features: int, kernel: int, hop: int):
        super().__init__()
        if kernel < hop:
            raise ValueError(f"SensorStem: kernel of {kernel} samples skips some, needs the hop {hop} or more")
        self.hop, self.receptive_field = hop, kernel
        self.shape = (n_channels, n_features)
        self.keep = kernel - hop
        self.conv = nn.Conv1d(1, n_features, kernel, stride=hop)

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.shape[0], self.keep)} if self.keep else {}

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if self.steps(x_BCT.shape[-1]) == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], 0, *self.shape), state
        seen, new = x_BCT, {}
        if self.keep:
            seen, new["past"] = remember(state["past"], x_BCT)
        y = self.conv(seen.flatten(0, 1)[:, None])  # [B * C, F, H]
        return y.unflatten(0, (-1, self.shape[0])).permute(0, 3, 1, 2), new


class GatTransformer(Streaming):
    """Embeddings of what was seen, one every hop, at any time since onset, with or without a known onset.

    Signal float32[B, C, T] and since-onset float32[B, H] in seconds at the end of each hop (negative or None: no onset
    known) to float32[B, H, embedding_dim], not normalised. `subject` int64[B] or int picks the mixing matrix.

    Three paths add up: band power; tokens of the sensor graph, weighted by time since onset and accumulated (a linear
    classifier over the whole evoked response can be expressed); a windowed causal transformer over both.
    Memory grows with the square of the hops in a chunk: feed long recordings some hundred hops at a time.

    State: stem.*, power.*, since_onset.*, blocks.<i>.*  # see SensorStem, LogPower, SinceOnset, TransformerBlock
    """

    def __init__(self, config: GatTransformerConfig):
        super().__init__()
        c = self.config = config
        self.hop = c.hop_samples
        self.stem = SensorStem(c.n_channels, c.stem_features, c.stem_kernel or 2 * self.hop, self.hop)
        self.sensors = GraphAttention(
            c.stem_features,
            c.stem_features,
            *distance_knn(positions_of(c), c.k_neighbours),
            heads=c.graph_heads,
            version=c.graph_version,
            activation=c.graph_activation,
        )
        self.subjects = nn.Parameter(torch.eye(c.stem_features).repeat(c.n_subjects, 1, 1))
        self.token = nn.Linear(c.n_channels * c.stem_features, c.dim)
        self.gain = nn.Linear(c.onset_features, c.dim)
        nn.init.ones_(self.gain.bias)
        self.since_onset = SinceOnset(c.dim, leak=math.exp(-c.hop_samples / (c.sfreq * c.leak_s)))

        self.power = LogPower(
            c.n_channels,
            c.sfreq,
            self.hop,
            n_bands=c.power_bands,
            n_sources=c.power_sources,
            windows_s=c.power_windows_s,
            kernel_s=c.power_kernel_s,
            band_hz=c.power_band_hz,
        )
        self.power_norm = nn.BatchNorm1d(self.power.n_features)
        self.power_token = nn.Linear(self.power.n_features, c.dim)

        self.onset_token = nn.Linear(c.onset_features, c.dim)
        self.blocks = nn.ModuleList(
            TransformerBlock(c.dim, c.n_heads, c.attention_window, c.dropout) for _ in range(c.n_layers)
        )
        self.norm = nn.LayerNorm(c.dim)
        self.dropout = nn.Dropout(c.dropout)
        self.head_power = nn.Linear(self.power.n_features, c.embedding_dim)
        self.head_evoked = nn.Linear(c.dim, c.embedding_dim)
        self.head_context = nn.Linear(c.dim, c.embedding_dim)

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
        onset = onset_basis(onset_BH, self.config.onset_features).to(x_BCT.dtype)
        new: State = {}

        sensors_BHCF, inner = self.stem(x_BCT, take(state, "stem"))
        new |= nest("stem", inner)
        evoked = self.token(self.mix(sensors_BHCF, subject).flatten(2)) * self.gain(onset)
        accumulated, inner = self.since_onset(evoked, take(state, "since_onset"), onset_BH)
        new |= nest("since_onset", inner)

        features_BFH, inner = self.power(x_BCT, take(state, "power"))
        new |= nest("power", inner)
        power = self.dropout(self.power_norm(features_BFH).transpose(1, 2))

        context = evoked + self.power_token(power) + self.onset_token(onset)
        for i, block in enumerate(self.blocks):
            context, inner = block(context, take(state, f"blocks.{i}"))
            new |= nest(f"blocks.{i}", inner)

        embedding = self.head_power(power) + self.head_evoked(self.dropout(accumulated))
        embedding = embedding + self.head_context(self.norm(context))
        return embedding, {key: new[key] for key in state}

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Whiten the power path's input with a matrix learned from training data."""
        self.power.whitening.copy_(matrix_CC)

    def mix(self, sensors_BHCF: Tensor, subject: Tensor | int) -> Tensor:
        """Neighbours' features added to each sensor's own, then the subject's mixing of features."""
        sensors_BHCF = sensors_BHCF + self.sensors(sensors_BHCF)
        matrix = self.subjects[subject]
        return sensors_BHCF @ (matrix[:, None] if matrix.dim() == 3 else matrix)


def positions_of(config: GatTransformerConfig) -> Tensor:
    """Sensor positions in metres, NaN where there is none, float32[C, 3]."""
    positions = config.positions or (None,) * config.n_channels
    if len(positions) != config.n_channels:
        raise ValueError(f"GatTransformerConfig: positions of {len(positions)} channels, needs {config.n_channels}")
    return torch.tensor([(math.nan,) * 3 if p is None else p for p in positions], dtype=torch.float32)
