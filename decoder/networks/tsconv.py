"""The temporal-spatial convolution of NICE as a causal encoder.

Shape suffixes: B streams, C channels, T samples, H hops, F features, D embedding.
"""

import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.parametrizations import SmoothedKernel, parametrized
from decoder.layers.stems import SensorStem
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TsConvConfig(EncoderConfig):
    """TSConv; the stride of its mean, 5 samples at 250 Hz, is the hop here."""

    n_filters: Size = 40  # temporal, and spatial
    kernel_s: Positive = 0.1  # 25 samples at 250 Hz
    pool_s: Positive = 0.204  # 51 samples at 250 Hz


class TsConv(FeatureEncoder):
    """Temporal filters on every sensor and their trailing mean, spatial filters, and a residual projection.

    See StreamingNetwork for what goes in and out; the embedding is layer-normalised. Song et al., ICLR 2024,
    https://arxiv.org/abs/2308.13234. Temporal filter and mean are linear, so they are one strided convolution here.

    State: stem.*     # see SensorStem
           readout.*  # see Readout
    """

    def __init__(self, config: TsConvConfig):
        c = config
        super().__init__(c, c.n_filters)
        kernel, pool = max(1, round(c.kernel_s * c.sfreq)), max(c.hop_samples, round(c.pool_s * c.sfreq))
        self.stem = SensorStem(c.n_channels, c.n_filters, kernel + pool - 1, c.hop_samples)
        parametrized(self.stem.conv, SmoothedKernel(pool))
        self.norm_temporal = nn.BatchNorm1d(c.n_filters)
        self.spatial = nn.Linear(c.n_channels * c.n_filters, c.n_filters, bias=False)
        self.norm_spatial = nn.BatchNorm1d(c.n_filters)
        self.dropout = nn.Dropout(c.dropout)
        self.mix = nn.Linear(c.n_filters, c.n_filters)
        self.residual = nn.Sequential(nn.GELU(), nn.Linear(c.embedding_dim, c.embedding_dim), nn.Dropout(c.dropout))
        self.norm = nn.LayerNorm(c.embedding_dim)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BHCF, stem = self.stem(x_BCT, substate(state, "stem"))
        sensors_BHK = F.elu(batch_norm_last(self.norm_temporal, x_BHCF)).flatten(2)  # K: every filter of every sensor
        x_BHF = F.elu(batch_norm_last(self.norm_spatial, self.spatial(sensors_BHK)))
        return self.mix(self.dropout(x_BHF)), prefixed("stem", stem)

    def embed(self, x_BCT: Tensor, state: State, onset_BH: Tensor, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BHD, new = super().embed(x_BCT, state, onset_BH, subject)
        return self.norm(x_BHD + self.residual(x_BHD)), new


def batch_norm_last(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch norm over the last dimension."""
    y: Tensor = norm(x.flatten(0, -2))
    return y.view_as(x)
