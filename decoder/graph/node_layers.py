"""Layers for features per node: one layer applied to each node, attention and graph attention within a hop.

A node is a sensor or a learned source. A token has the features of one node after another, float32[B, H, N * F]. Shape
suffixes: B streams, H hops, N number of sensors or sources, F features of one node.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from decoder.graph.attention import GraphAttention
from decoder.layers.conv import CausalConv
from decoder.layers.skip import Skip
from decoder.streaming import State, Streaming, prefixed, substate


class NodeWise(Streaming):
    """One layer over time, with the same weights, for every node.

    float32[B, H, N * n_in] to float32[B, H, N * n_out]. With `time_last` the layer takes [B, C, T].

    State: that of the layer, with a node axis after the batch: [B, N, ...]
    """

    def __init__(self, layer: Streaming, n_nodes: int, time_last: bool = False):
        super().__init__()
        self.layer, self.n_nodes, self.time_last = layer, n_nodes, time_last
        self.hop, self.receptive_field = layer.hop, layer.receptive_field

    def init_state(self, batch: int) -> State:
        state = self.layer.init_state(batch * self.n_nodes)
        return {key: value.unflatten(0, (batch, self.n_nodes)) for key, value in state.items()}

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        x = x_BHD.unflatten(-1, (self.n_nodes, -1)).transpose(1, 2).flatten(0, 1)  # [B * N, H, F]
        x = x.transpose(1, 2) if self.time_last else x
        y, new = self.layer(x, {key: value.flatten(0, 1) for key, value in state.items()})
        y = y.transpose(1, 2) if self.time_last else y
        y = y.unflatten(0, (-1, self.n_nodes)).transpose(1, 2).flatten(2)
        return y, {key: value.unflatten(0, (-1, self.n_nodes)) for key, value in new.items()}


class ConvBlock(Streaming):
    """Causal convolution over hops, batch norm, ELU, and a skip around them (see Skip).

    float32[B, H, dim] to the same shape.

    State: conv.*  # see CausalConv
    """

    def __init__(self, dim: int, kernel: int, dilation: int = 1, dropout: float = 0.0, skip: str = "identity"):
        super().__init__()
        if skip == "dense":
            raise ValueError("ConvBlock: skip 'dense' changes the width between stacked blocks, needs another kind")
        self.conv = CausalConv(dim, dim, kernel, dilation)
        self.receptive_field = self.conv.receptive_field
        self.norm = nn.BatchNorm1d(dim)
        self.skip = Skip(skip, dim, dim, dropout)

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        if x_BHD.shape[1] == 0:
            return x_BHD, state
        y, layer_state = self.conv(x_BHD.transpose(1, 2), substate(state, "conv"))
        return self.skip(x_BHD, F.elu(self.norm(y)).transpose(1, 2)), prefixed("conv", layer_state)


class NodeTransformer(nn.Module):
    """Pre-norm transformer block within one hop: every node attends to every node, then an MLP.

    float32[B, H, N * dim] to the same shape; nothing passes between hops.
    """

    def __init__(self, dim: int, n_heads: int, n_nodes: int, dropout: float = 0.0, skip: str = "layerscale"):
        super().__init__()
        if dim % n_heads:
            raise ValueError(f"NodeTransformer: dim {dim}, needs a multiple of n_heads {n_heads}")
        if skip == "dense":
            raise ValueError(
                "NodeTransformer: skip 'dense' changes the width between stacked blocks, needs another kind"
            )
        self.n_heads, self.n_nodes = n_heads, n_nodes
        self.norm_attention = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.skip_attention = Skip(skip, dim, dim, dropout)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.skip_mlp = Skip(skip, dim, dim, dropout)

    def forward(self, x_BHD: Tensor) -> Tensor:
        x = x_BHD.unflatten(-1, (self.n_nodes, -1))
        heads = self.qkv(self.norm_attention(x)).flatten(0, 1).unflatten(-1, (3, self.n_heads, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each [B * H, heads, N, features of a head]
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2).unflatten(0, x.shape[:2])
        x = self.skip_attention(x, self.out(attended))
        y: Tensor = self.skip_mlp(x, self.mlp(self.norm_mlp(x)))
        return y.flatten(2)


class GraphBlock(nn.Module):
    """Graph attention within one hop, ELU, and a skip around both (see Skip).

    float32[B, H, N * n_in] to float32[B, H, N * width].
    """

    def __init__(self, attention: GraphAttention, n_in: int, n_out: int, dropout: float = 0.0, skip: str = "identity"):
        super().__init__()
        self.n_nodes = len(attention.index)
        self.attention = attention
        self.skip = Skip(skip, n_in, n_out, dropout)
        self.width = self.skip.width

    def forward(self, x_BHD: Tensor) -> Tensor:
        x = x_BHD.unflatten(-1, (self.n_nodes, -1))
        y: Tensor = self.skip(x, F.elu(self.attention(x)))
        return y.flatten(2)
