"""The brain module of speech decoding from MEG and EEG, and its variant for images, as causal encoders.

Shape suffixes: B streams, C channels, T samples, H hops, F features.
"""

import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Share, Size, Sizes
from decoder.layers.conv import CausalConv
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.spatial_attention import SpatialAttention
from decoder.layers.subject import SubjectLayer
from decoder.streaming import State, Streaming, prefixed, substate

PAPER_HZ = 120.0  # rate to which the paper's dilations refer
KERNEL = 3


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BrainModuleConfig(EncoderConfig):
    """Configuration for speech; needs the positions of two sensors or more."""

    n_virtual: Size = 270  # virtual sensors
    n_waves: Size = 32  # plane waves along each side of the sensor map
    dropout_radius: Share = 0.2  # of the sensor map, whose side is 1
    dim: Size = 320  # width of the convolutions
    n_blocks: Size = 5
    head: Sizes = (640,)  # widths between the convolutions and the readout


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MegImageConfig(BrainModuleConfig):
    """Configuration for images: fewer blocks, a wider head, and a learned weighting of time (the readout)."""

    n_blocks: Size = 2
    head: Sizes = (640, 2048)


class ConvPair(Streaming):
    """Two dilated convolutions, each with norm, GELU and a skip where widths agree, then a gated one.

    float32[B, n_in, T] to float32[B, n_out, T].

    State: first.*, second.*, gate.*  # see CausalConv
    """

    def __init__(self, n_in: int, n_out: int, dilations: tuple[int, int], gate_dilation: int):
        super().__init__()
        self.first = CausalConv(n_in, n_out, KERNEL, dilation=dilations[0])
        self.second = CausalConv(n_out, n_out, KERNEL, dilation=dilations[1])
        self.gate = CausalConv(n_out, 2 * n_out, KERNEL, dilation=gate_dilation)
        self.norm_first, self.norm_second = nn.BatchNorm1d(n_out), nn.BatchNorm1d(n_out)
        self.receptive_field = (KERNEL - 1) * (sum(dilations) + gate_dilation) + 1

    def forward(self, x_BFT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BFT.shape[0]) if state is None else state
        if x_BFT.shape[-1] == 0:
            return x_BFT.new_zeros(x_BFT.shape[0], self.second.conv.out_channels, 0), state
        y_BFT, first = self.first(x_BFT, substate(state, "first"))
        y_BFT = F.gelu(self.norm_first(y_BFT))
        x_BFT = y_BFT + x_BFT if x_BFT.shape[1] == y_BFT.shape[1] else y_BFT
        y_BFT, second = self.second(x_BFT, substate(state, "second"))
        x_BFT = x_BFT + F.gelu(self.norm_second(y_BFT))
        x_BFT, gate = self.gate(x_BFT, substate(state, "gate"))
        return F.glu(x_BFT, dim=1), prefixed("first", first) | prefixed("second", second) | prefixed("gate", gate)


class BrainModule(FeatureEncoder):
    """Virtual sensors by position, a mixing matrix per subject, dilated convolutions, and the mean of each hop.

    See StreamingNetwork for what goes in and out; ValueError with fewer than two known positions. Defossez et al., Nat.
    Mach. Intell. 2023, https://arxiv.org/abs/2208.12266; for images Benchetrit et al., ICLR 2024,
    https://arxiv.org/abs/2310.19812. At 120 Hz the convolutions use 135 past samples; at another rate
    dilations scale to about the same time.

    State: blocks.<i>.*  # see ConvPair
           readout.*     # see Readout
    """

    def __init__(self, config: BrainModuleConfig):
        c = config
        super().__init__(c, c.head[-1])
        positions = c.positions or (None,) * c.n_channels
        if len(positions) != c.n_channels:
            raise ValueError(f"BrainModule: positions of {len(positions)} channels, needs {c.n_channels}")
        self.sensors = SpatialAttention(positions, c.n_virtual, c.n_waves, c.dropout_radius)
        self.mix = nn.Conv1d(c.n_virtual, c.n_virtual, 1)
        self.subjects = SubjectLayer(c.n_subjects, c.n_virtual, identity=False)
        self.blocks = nn.ModuleList()
        for i in range(c.n_blocks):
            first, second = (scale_dilation(2 ** ((2 * i + j) % 5), c.sfreq) for j in range(2))
            self.blocks.append(
                ConvPair(c.dim if i else c.n_virtual, c.dim, (first, second), scale_dilation(1, c.sfreq))
            )
        self.head = nn.ModuleList(nn.Linear(*pair) for pair in zip((c.dim, *c.head), c.head, strict=False))

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x_BFT = self.subjects(self.mix(self.sensors(x_BCT)), subject)
        new: State = {}
        for i, block in enumerate(self.blocks):
            x_BFT, layer_state = block(x_BFT, substate(state, f"blocks.{i}"))
            new |= prefixed(f"blocks.{i}", layer_state)
        x_BHF = F.avg_pool1d(x_BFT, self.hop).transpose(1, 2)
        for layer in self.head:
            x_BHF = F.gelu(layer(x_BHF))
        return x_BHF, new


def scale_dilation(dilation: int, sfreq: float) -> int:
    """A dilation of the paper in samples of `sfreq`, at least 1."""
    return max(1, round(dilation * sfreq / PAPER_HZ))
