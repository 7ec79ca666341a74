"""DeepConvNet as a causal encoder.

Shape suffixes: B streams, C channels, T samples, H hops, F features.
"""

from itertools import pairwise

import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Positive, Size, Sizes
from decoder.layers.conv import CausalConv, CausalMax, SensorConv
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.parametrizations import MaxNorm, parametrized
from decoder.streaming import State, Streaming, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DeepConfig(EncoderConfig):
    """DeepConvNet; its first pool is the hop here."""

    kernel_s: Positive = 0.04  # 5 samples at 128 Hz, 10 at 250
    widths: Sizes = (25, 50, 100, 200)  # of the blocks
    kernel: Size = 5  # taps of the later blocks
    pool_s: Positive = 2 / 128  # span of the first pool of the paper; each later one is twice as long
    weight_norm: Positive = 2.0  # largest norm of a filter


class DeepBlock(Streaming):
    """Dropout, convolution, norm, ELU and, where `span` is above one step, the maximum of the last `span` steps.

    float32[B, n_in, H] to float32[B, n_out, H].

    State: conv.*     # see CausalConv
           maximum.*  # see CausalMax; absent where there is none
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, dilation: int, span: int, limit: float, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.conv = CausalConv(n_in, n_out, kernel, dilation=dilation, bias=False)
        parametrized(self.conv.conv, MaxNorm(limit))
        self.norm = nn.BatchNorm1d(n_out)
        self.maximum = CausalMax(n_out, span) if span > 1 else None
        self.receptive_field = (kernel - 1) * dilation + max(1, span)

    def forward(self, x_BFH: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BFH.shape[0]) if state is None else state
        x_BFH, conv = self.conv(self.dropout(x_BFH), substate(state, "conv"))
        new = prefixed("conv", conv)
        if x_BFH.shape[-1] == 0:
            return x_BFH, state
        x_BFH = F.elu(self.norm(x_BFH))
        if self.maximum is not None:
            x_BFH, maximum = self.maximum(x_BFH, substate(state, "maximum"))
            new |= prefixed("maximum", maximum)
        return x_BFH, new


class Deep(FeatureEncoder):
    """A sensor convolution, then blocks of convolution, norm, ELU and trailing maximum, each wider and slower than the
    one before.

    See StreamingNetwork for what goes in and out. Schirrmeister et al., Hum. Brain Mapp. 2017,
    https://arxiv.org/abs/1703.05051. The paper halves the rate in each block; here the rate stays that of hops, and
    dilation and the span of maxima grow as that halving would make them.

    State: sensors.*     # see SensorConv
           blocks.<i>.*  # see DeepBlock
           readout.*     # see Readout
    """

    def __init__(self, config: DeepConfig):
        c = config
        super().__init__(c, c.widths[-1])
        first = c.widths[0]
        self.sensors = SensorConv(c.n_channels, first, first, max(2, round(c.kernel_s * c.sfreq)))
        parametrized(self.sensors.temporal, MaxNorm(c.weight_norm))
        parametrized(self.sensors.spatial, MaxNorm(c.weight_norm))
        self.norm = nn.BatchNorm1d(first)
        self.blocks = nn.ModuleList()
        for i, (n_in, n_out) in enumerate(pairwise(c.widths)):
            spacing = c.pool_s * 2**i * c.sfreq / c.hop_samples  # hops between the paper's samples in this block
            dilation, span = max(1, round(spacing)), round(2 * spacing)
            self.blocks.append(DeepBlock(n_in, n_out, c.kernel, dilation, span, c.weight_norm, c.dropout))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BFT, layer_state = self.sensors(x_BCT, substate(state, "sensors"))
        new = prefixed("sensors", layer_state)
        x_BFH = F.max_pool1d(F.elu(self.norm(x_BFT)), self.hop)
        for i, block in enumerate(self.blocks):
            x_BFH, layer_state = block(x_BFH, substate(state, f"blocks.{i}"))
            new |= prefixed(f"blocks.{i}", layer_state)
        return x_BFH.transpose(1, 2), new
