"""The main network: graph attention over sensors, tokens summed since onset, band power, and a causal transformer.

Shape suffixes: B streams, C channels, T samples, H hops, F features of one sensor, D features.
"""

import math

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Positives, Share, Size
from decoder.graph.attention import sensor_attention
from decoder.graph.config import GraphConfig
from decoder.layers.band_power import LogBandPower
from decoder.layers.encoder import StreamingNetwork
from decoder.layers.onset import OnsetSum, onset_basis
from decoder.layers.stems import SensorStem
from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, prefixed, substate

PATHS = ("power", "evoked", "context")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GatTransformerConfig(GraphConfig):
    """Configuration of a GatTransformer; JSON can hold it."""

    dim: Size = 64  # token width
    stem_features: Size = 16  # features per sensor and hop
    stem_kernel: Size | None = None  # samples; None: two hops
    n_layers: Count = 2  # transformer blocks
    n_heads: Size = 4  # of their attention
    attention_window: Size = 64  # hops
    skip: str = "layerscale"  # how the blocks' input is combined with their output: see Skip
    power_bands: Size = 9  # log-spaced
    power_band_hz: tuple[Positive, Positive] = (4.0, 40.0)  # first and last centre
    power_sources: Size = 4  # spatial filters per band
    power_windows_s: Positives = (0.5, 2.0)  # trailing
    power_kernel_s: Positive = 0.5
    paths: tuple[str, ...] = PATHS  # whose outputs are added to give the embedding
    dropout: Share = 0.1


class GatTransformer(StreamingNetwork):
    """Embeddings of the seen stimulus, one every hop, at any time since onset, with or without a known onset.

    See StreamingNetwork for what goes in and out. `subject` selects the mixing matrix.

    The outputs of three paths are added: band power; tokens of the sensor graph, weighted by the time since onset and
    summed, which can express a linear classifier of the whole evoked activity; a windowed causal transformer over both.
    Memory grows with the square of the hops in a chunk: pass long recordings in chunks of some hundred hops.

    State: stem.*, power.*, since_onset.*, blocks.<i>.*  # see SensorStem, LogBandPower, OnsetSum, TransformerBlock
    """

    config: GatTransformerConfig
    learns_whitening = True

    def __init__(self, config: GatTransformerConfig):
        super().__init__(config)
        c = config
        unknown = [path for path in c.paths if path not in PATHS]
        if unknown or not c.paths:
            raise ValueError(f"GatTransformerConfig: paths {c.paths}, needs one or more of {', '.join(PATHS)}")
        self.with_power, self.with_evoked, self.with_context = (path in c.paths for path in PATHS)

        if self.with_evoked or self.with_context:
            self.stem = SensorStem(c.n_channels, c.stem_features, c.stem_kernel or 2 * self.hop, self.hop)
            self.sensors = sensor_attention(c, c.stem_features, c.stem_features)
            self.subjects = nn.Parameter(torch.eye(c.stem_features).repeat(c.n_subjects, 1, 1))
            self.token = nn.Linear(c.n_channels * c.stem_features, c.dim)
            self.gain = nn.Linear(c.onset_features, c.dim)
            nn.init.ones_(self.gain.bias)
        if self.with_evoked:
            self.since_onset = OnsetSum(c.dim, leak=math.exp(-c.hop_samples / (c.sfreq * c.leak_s)))

        if self.with_power:
            self.power = LogBandPower(
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
        if self.with_power and self.with_context:
            self.power_token = nn.Linear(self.power.n_features, c.dim)

        if self.with_context:
            self.onset_token = nn.Linear(c.onset_features, c.dim)
            self.blocks = nn.ModuleList(
                TransformerBlock(c.dim, c.n_heads, c.attention_window, c.dropout, skip=c.skip)
                for _ in range(c.n_layers)
            )
            self.norm = nn.LayerNorm(c.dim)
        self.dropout = nn.Dropout(c.dropout)
        if self.with_power:
            self.head_power = nn.Linear(self.power.n_features, c.embedding_dim)
        if self.with_evoked:
            self.head_evoked = nn.Linear(c.dim, c.embedding_dim)
        if self.with_context:
            self.head_context = nn.Linear(c.dim, c.embedding_dim)

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        onset = onset_basis(onset_BH, self.config.onset_features).to(x_BCT.dtype)
        new: State = {}
        parts: list[Tensor] = []

        if self.with_power:
            features_BFH, layer_state = self.power(x_BCT, substate(state, "power"))
            new |= prefixed("power", layer_state)
            power = self.dropout(self.power_norm(features_BFH).transpose(1, 2))
            parts.append(self.head_power(power))
        if self.with_evoked or self.with_context:
            sensors_BHCF, layer_state = self.stem(x_BCT, substate(state, "stem"))
            new |= prefixed("stem", layer_state)
            evoked = self.token(self.mix(sensors_BHCF, subject).flatten(2)) * self.gain(onset)
        if self.with_evoked:
            accumulated, layer_state = self.since_onset(evoked, substate(state, "since_onset"), onset_BH)
            new |= prefixed("since_onset", layer_state)
        if self.with_context:
            context = evoked
            if self.with_power:
                context = context + self.power_token(power)
            context = context + self.onset_token(onset)
            for i, block in enumerate(self.blocks):
                context, layer_state = block(context, substate(state, f"blocks.{i}"))
                new |= prefixed(f"blocks.{i}", layer_state)
        if self.with_evoked:
            parts.append(self.head_evoked(self.dropout(accumulated)))
        if self.with_context:
            parts.append(self.head_context(self.norm(context)))
        return sum(parts[1:], parts[0]), new

    def set_whitening(self, matrix_CC: Tensor) -> None:
        """Whiten the power path's input with a matrix learned from training data."""
        if self.with_power:
            self.power.whitening.copy_(matrix_CC)

    def mix(self, sensors_BHCF: Tensor, subject: Tensor | int) -> Tensor:
        """Adds the graph layer's output to each sensor's features, then mixes features by the subject's matrix."""
        sensors_BHCF = sensors_BHCF + self.sensors(sensors_BHCF)
        matrix = self.subjects[subject]
        return sensors_BHCF @ (matrix[:, None] if matrix.dim() == 3 else matrix)
