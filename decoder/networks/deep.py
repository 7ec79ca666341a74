"""DeepConvNet as a causal encoder.

Shape suffixes: B streams, C channels, T samples, H hops, F features.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from decoder.conv import CausalConv, CausalMax, SensorConv
from decoder.encoder import Encoder, EncoderConfig
from decoder.streaming import State, nest, take
from decoder.weights import MaxNorm, constrained


@dataclass(frozen=True, kw_only=True)
class DeepConfig(EncoderConfig):
    """DeepConvNet; its first pool is our hop."""

    kernel_s: float = 0.04  # 5 samples at 128 Hz, 10 at 250
    widths: tuple[int, ...] = (25, 50, 100, 200)  # of the blocks
    kernel: int = 5  # taps of the later blocks
    pool_s: float = 2 / 128  # span of the first pool of the paper; each later one is twice as long
    weight_norm: float = 2.0  # largest norm of a filter


class Deep(Encoder):
    """A sensor convolution, then blocks of convolution, norm, ELU and trailing maximum, ever wider and slower.

    See Encoder for what goes in and out. Schirrmeister et al., Hum. Brain Mapp. 2017, https://arxiv.org/abs/1703.05051.
    The paper halves the rate in each block; here the rate stays that of hops, and taps lie apart (dilation) and maxima
    last as long as that halving would make them.

    State: sensors.*                     # see SensorConv
           blocks.<i>.conv.*             # see CausalConv
           blocks.<i>.maximum.*          # see CausalMax; absent where its span is a hop or less
           readout.*                     # see Readout
    """

    def __init__(self, config: DeepConfig):
        c = config
        super().__init__(c, c.widths[-1])
        first = c.widths[0]
        self.sensors = SensorConv(c.n_channels, first, first, max(2, round(c.kernel_s * c.sfreq)))
        constrained(self.sensors.temporal, MaxNorm(c.weight_norm))
        constrained(self.sensors.spatial, MaxNorm(c.weight_norm))
        self.norm = nn.BatchNorm1d(first)
        self.dropout = nn.Dropout(c.dropout)
        self.blocks = nn.ModuleList()
        for i, (n_in, n_out) in enumerate(zip(c.widths, c.widths[1:], strict=False)):
            spacing = c.pool_s * 2**i * c.sfreq / c.hop_samples  # hops between the paper's samples in this block
            conv = CausalConv(n_in, n_out, c.kernel, dilation=max(1, round(spacing)), bias=False)
            constrained(conv.conv, MaxNorm(c.weight_norm))
            block = nn.ModuleDict({"conv": conv, "norm": nn.BatchNorm1d(n_out)})
            if (span := round(2 * spacing)) > 1:
                block["maximum"] = CausalMax(n_out, span)
            self.blocks.append(block)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BFT, inner = self.sensors(x_BCT, take(state, "sensors"))
        new = nest("sensors", inner)
        x_BFH = F.max_pool1d(F.elu(self.norm(x_BFT)), self.hop)
        for i, block in enumerate(self.blocks):
            x_BFH, inner = block["conv"](self.dropout(x_BFH), take(state, f"blocks.{i}.conv"))
            new |= nest(f"blocks.{i}.conv", inner)
            x_BFH = F.elu(block["norm"](x_BFH))
            if "maximum" in block:
                x_BFH, inner = block["maximum"](x_BFH, take(state, f"blocks.{i}.maximum"))
                new |= nest(f"blocks.{i}.maximum", inner)
        return x_BFH.transpose(1, 2), new
