"""ATM: channels as tokens, then temporal and spatial convolution.

Shape suffixes: B streams, C channels, T samples, H hops, F features of one channel, D features.
"""

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Size
from decoder.graph.node_layers import NodeTransformer, NodeWise
from decoder.layers.conv import CausalConv, CausalMean
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.stems import SensorStem
from decoder.streaming import State, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AtmConfig(EncoderConfig):
    """Configuration of an Atm."""

    window_s: Positive = 0.25  # trailing signal of a channel in its token
    token_width: Size = 32
    n_layers: Count = 1  # of attention between channels
    n_heads: Size = 4
    skip: str = "layerscale"  # how a block's input is combined with its output: see Skip
    n_filters: Size = 40  # temporal, then spatial
    kernel_s: Positive = 0.1  # of the temporal filters: 25 samples at 250 Hz
    pool_s: Positive = 0.2  # 51 samples at 250 Hz


class Atm(FeatureEncoder):
    """Attention between channels at each hop, the same temporal filters on each, then spatial filters over all.

    See StreamingNetwork for what goes in and out. After Li et al., NeurIPS 2024, https://arxiv.org/abs/2403.07721.
    There a token is a channel's whole window, which is not known before its end. Here it is the channel's last
    `window_s`, plus a learned vector of the channel; there is also a token of the subject.

    State: stem.*      # see SensorStem
           temporal.*  # see NodeWise
           mean.*      # see CausalMean
           readout.*   # see Readout
    """

    config: AtmConfig

    def __init__(self, config: AtmConfig):
        c, hops_per_s = config, config.sfreq / config.hop_samples
        super().__init__(c, c.n_filters)
        kernel = max(c.hop_samples, round(c.window_s * c.sfreq))
        self.stem = SensorStem(c.n_channels, c.token_width, kernel, c.hop_samples)
        self.place = nn.Parameter(0.02 * torch.randn(c.n_channels, c.token_width))
        self.subjects = nn.Parameter(torch.randn(1, c.token_width).repeat(c.n_subjects, 1))
        self.among = nn.ModuleList(
            NodeTransformer(c.token_width, c.n_heads, c.n_channels + 1, c.dropout, c.skip) for _ in range(c.n_layers)
        )
        filters = CausalConv(c.token_width, c.n_filters, max(2, round(c.kernel_s * hops_per_s)))
        self.temporal = NodeWise(filters, c.n_channels, time_last=True)
        self.norm_temporal = nn.BatchNorm1d(c.n_filters)
        self.spatial = nn.Linear(c.n_channels * c.n_filters, c.n_filters, bias=False)
        self.norm_spatial = nn.BatchNorm1d(c.n_filters)
        self.mean = CausalMean(c.n_filters, max(2, round(c.pool_s * hops_per_s)))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        c = self.config
        x_BHCF, stem = self.stem(x_BCT, substate(state, "stem"))
        subject_B11F = self.subjects[subject].expand(x_BHCF.shape[0], -1)[:, None, None]
        x = torch.cat([x_BHCF + self.place, subject_B11F.expand(-1, x_BHCF.shape[1], -1, -1)], dim=2).flatten(2)
        for block in self.among:
            x = block(x)
        x_BHD, temporal = self.temporal(x[..., : c.n_channels * c.token_width], substate(state, "temporal"))
        per_filter = x_BHD.unflatten(-1, (c.n_channels, -1)).permute(0, 3, 1, 2).flatten(2)  # [B, filters, H * C]
        x_BHCF = F.elu(self.norm_temporal(per_filter)).unflatten(-1, (-1, c.n_channels)).permute(0, 2, 3, 1)
        x_BDH = F.elu(self.norm_spatial(self.spatial(x_BHCF.flatten(2)).transpose(1, 2)))
        x_BDH, mean = self.mean(x_BDH, substate(state, "mean"))
        return x_BDH.transpose(1, 2), prefixed("stem", stem) | prefixed("temporal", temporal) | prefixed("mean", mean)
