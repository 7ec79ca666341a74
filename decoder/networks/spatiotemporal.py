"""Two transformers: tokens are electrodes, then windows of time.

Shape suffixes: B streams, C channels, T samples, H hops, F features of one electrode, D features.
"""

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Share, Size
from decoder.graph.node_layers import NodeTransformer
from decoder.layers.band_entropy import BandEntropy
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SpatioTemporalConfig(EncoderConfig):
    """Configuration of a SpatioTemporal; the paper's sizes are not published."""

    bands_hz: tuple[tuple[float, float], ...] | None = None  # None: delta to gamma, as far as the rate reaches
    window_s: Positive = 1.0  # trailing signal for the features of a hop: the paper varies it
    node_features: Size = 16  # per electrode
    spatial_layers: Count = 2  # of attention between electrodes
    dim: Size = 64  # width of a hop's token
    temporal_layers: Count = 2  # attention over hops
    n_heads: Size = 4  # of both
    attention_window: Size = 64  # hops
    skip: str = "layerscale"  # how a block's input is combined with its output: see Skip
    dropout: Share = 0.25


class SpatioTemporal(FeatureEncoder):
    """Band entropy of each electrode, attention between electrodes at each hop, then attention over hops.

    See StreamingNetwork for what goes in and out. After Delvigne et al., 2022, https://arxiv.org/abs/2204.07162.

    State: entropy.*     # see BandEntropy
           over_time.*   # see TransformerBlock
           readout.*     # see Readout
    """

    config: SpatioTemporalConfig

    def __init__(self, config: SpatioTemporalConfig):
        c = config
        super().__init__(c, c.dim)
        self.entropy = BandEntropy(c.n_channels, c.sfreq, c.hop_samples, c.bands_hz, c.window_s)
        n_bands = self.entropy.n_bands
        self.norm_entropy = nn.BatchNorm1d(c.n_channels * n_bands)
        self.electrode = nn.Linear(n_bands, c.node_features)
        self.place = nn.Parameter(0.02 * torch.randn(c.n_channels, c.node_features))
        self.among = nn.ModuleList(
            NodeTransformer(c.node_features, c.n_heads, c.n_channels, c.dropout, c.skip)
            for _ in range(c.spatial_layers)
        )
        self.token = nn.Linear(c.n_channels * c.node_features, c.dim)
        self.over_time = nn.ModuleList(
            TransformerBlock(c.dim, c.n_heads, c.attention_window, c.dropout, skip=c.skip)
            for _ in range(c.temporal_layers)
        )
        self.norm = nn.LayerNorm(c.dim)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BHD, entropy = self.entropy(x_BCT, substate(state, "entropy"))
        new = prefixed("entropy", entropy)
        x_BHD = self.norm_entropy(x_BHD.transpose(1, 2)).transpose(1, 2)
        x_BHD = (self.electrode(x_BHD.unflatten(-1, (self.config.n_channels, -1))) + self.place).flatten(2)
        for block in self.among:
            x_BHD = block(x_BHD)
        x_BHD = self.token(x_BHD)
        for i, layer in enumerate(self.over_time):
            x_BHD, layer_state = layer(x_BHD, substate(state, f"over_time.{i}"))
            new |= prefixed(f"over_time.{i}", layer_state)
        return self.norm(x_BHD), new
