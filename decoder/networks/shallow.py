"""ShallowConvNet as a causal encoder: log power of learned sources.

Shape suffixes: B streams, C channels, T samples, H hops, F features.
"""

import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size
from decoder.layers.conv import CausalMean, SensorConv
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.streaming import State, prefixed, substate

POWER = 1e-7, 1e4  # range of the logarithm's input


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ShallowConfig(EncoderConfig):
    """ShallowConvNet; its stride, 15 samples at 250 Hz, is the hop here."""

    n_filters: Size = 40  # temporal, and spatial
    kernel_s: Positive = 0.1  # 25 samples at 250 Hz, 13 at 128
    pool_s: Positive = 0.3  # 75 samples at 250 Hz


class Shallow(FeatureEncoder):
    """Sensor convolution, square, trailing mean and logarithm: the power of rhythms, as in filter bank CSP.

    See StreamingNetwork for what goes in and out. Schirrmeister et al., Hum. Brain Mapp. 2017,
    https://arxiv.org/abs/1703.05051.

    State: sensors.*  # see SensorConv
           mean.*     # see CausalMean
           readout.*  # see Readout
    """

    def __init__(self, config: ShallowConfig):
        c = config
        super().__init__(c, c.n_filters)
        self.sensors = SensorConv(c.n_channels, c.n_filters, c.n_filters, max(2, round(c.kernel_s * c.sfreq)))
        self.norm = nn.BatchNorm1d(c.n_filters)
        self.mean = CausalMean(c.n_filters, max(2, round(c.pool_s * c.sfreq / c.hop_samples)))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BFT, sensors = self.sensors(x_BCT, substate(state, "sensors"))
        power_BFH = F.avg_pool1d(self.norm(x_BFT).square(), self.hop)
        power_BFH, mean = self.mean(power_BFH, substate(state, "mean"))
        return power_BFH.clamp(*POWER).log().transpose(1, 2), prefixed("sensors", sensors) | prefixed("mean", mean)
