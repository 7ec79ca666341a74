"""Stems: the first layer of a network, from the signal to the features of each node at each hop.

A node is a sensor or a learned source. Shape suffixes: B streams, C channels, T samples, H hops, S sources, F features
of one node.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from decoder.layers.conv import CausalConv
from decoder.streaming import State, Streaming, append_history, prefixed, substate


class SensorStem(Streaming):
    """One strided causal convolution, the same for every sensor.

    float32[B, C, T] to float32[B, T / hop, C, F].

    State: past  float32[B, C, kernel - hop]  # newest samples; absent where that is 0
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
        extended, new = x_BCT, {}
        if self.keep:
            extended, new["past"] = append_history(state["past"], x_BCT)
        y = self.conv(extended.flatten(0, 1)[:, None])  # [B * C, F, H]
        return y.unflatten(0, (-1, self.shape[0])).permute(0, 3, 1, 2), new


class SourceConv(Streaming):
    """Spatial filters to learned sources, temporal filters of each source, batch norm, ELU, mean of each hop.

    float32[B, C, T] to float32[B, T / hop, S * F], sources concatenated.

    State: conv.*  # see CausalConv
    """

    def __init__(self, n_channels: int, n_sources: int, n_features: int, kernel: int, hop: int):
        super().__init__()
        self.hop, self.receptive_field, self.width = hop, kernel + hop - 1, n_sources * n_features
        self.spatial = nn.Conv1d(n_channels, n_sources, 1, bias=False)
        self.conv = CausalConv(n_sources, self.width, kernel, groups=n_sources, bias=False)
        self.norm = nn.BatchNorm1d(self.width)

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if self.steps(x_BCT.shape[-1]) == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], 0, self.width), state
        y, layer_state = self.conv(self.spatial(x_BCT), substate(state, "conv"))
        return F.avg_pool1d(F.elu(self.norm(y)), self.hop).transpose(1, 2), prefixed("conv", layer_state)
