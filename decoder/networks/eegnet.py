"""EEGNet as a causal encoder: few weights, for minutes of data.

Shape suffixes: B streams, C channels, T samples, H hops, F features.
"""

import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size
from decoder.layers.conv import CausalConv, CausalMean
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.parametrizations import MaxNorm, RepeatedFilters, parametrized
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EegNetConfig(EncoderConfig):
    """Configuration of EEGNet-8,2; its first pool, 4 samples at 128 Hz, is the hop here."""

    n_filters: Size = 8  # temporal
    depth: Size = 2  # spatial filters of each
    kernel_s: Positive = 0.5  # 64 samples at 128 Hz
    separable_kernel_s: Positive = 0.5  # 16 steps at 32 Hz
    pool_s: Positive = 0.25  # 8 steps at 32 Hz
    spatial_norm: Positive = 1.0  # largest norm of a spatial filter


@dataclass(frozen=True, kw_only=True, config=STRICT)
class EegNetSsvepConfig(EegNetConfig):
    """Sizes for steady-state responses: a kernel of one second resolves frequencies that differ by 1 Hz."""

    n_filters: Size = 96
    depth: Size = 1
    kernel_s: Positive = 1.0  # 256 samples at 256 Hz


class EegNet(FeatureEncoder):
    """Temporal filters, spatial filters of each, then a separable convolution over hops.

    See StreamingNetwork for what goes in and out. Lawhern et al., J. Neural Eng. 2018,
    https://arxiv.org/abs/1611.08024; sizes for steady-state responses: Waytowich et al., 2018. The paper filters in
    time first and normalises in between. The filters commute and the norm that follows replaces that one, so here the
    spatial filters come first, at a fraction of the cost.

    State: temporal.*, separable.*  # see CausalConv
           mean.*                   # see CausalMean
           readout.*                # see Readout
    """

    def __init__(self, config: EegNetConfig):
        c, width = config, config.n_filters * config.depth
        super().__init__(config, width)
        hops_per_s = c.sfreq / c.hop_samples
        kernel, hops = max(2, round(c.kernel_s * c.sfreq)), max(2, round(c.separable_kernel_s * hops_per_s))
        self.spatial = parametrized(nn.Conv1d(c.n_channels, width, 1, bias=False), MaxNorm(c.spatial_norm))
        self.temporal = CausalConv(width, width, kernel, groups=width, bias=False)
        parametrized(self.temporal.conv, RepeatedFilters(c.depth))
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(c.dropout)
        self.separable = CausalConv(width, width, hops, groups=width, bias=False)
        self.pointwise = nn.Conv1d(width, width, 1, bias=False)
        self.norm_separable = nn.BatchNorm1d(width)
        self.mean = CausalMean(width, max(2, round(c.pool_s * hops_per_s)))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BFT, temporal = self.temporal(self.spatial(x_BCT), substate(state, "temporal"))
        x_BFH = self.dropout(F.avg_pool1d(F.elu(self.norm(x_BFT)), self.hop))
        x_BFH, separable = self.separable(x_BFH, substate(state, "separable"))
        x_BFH, mean = self.mean(F.elu(self.norm_separable(self.pointwise(x_BFH))), substate(state, "mean"))
        return x_BFH.transpose(1, 2), prefixed("temporal", temporal) | prefixed("separable", separable) | prefixed(
            "mean", mean
        )
