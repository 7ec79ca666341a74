"""Transformer block over windowed attention.

Shape suffixes: B streams, H steps (hops), D features.
"""

import torch
from torch import Tensor, nn

from decoder.attention import WindowedAttention
from decoder.streaming import State, Streaming, nest, take


class LayerScale(nn.Module):
    """Learned gain per feature; starts small so that a deep stack starts near the identity.

    Any shape [..., dim]. Touvron et al., ICCV 2021, https://arxiv.org/abs/2103.17239.
    """

    def __init__(self, dim: int, init: float = 0.1):
        super().__init__()
        self.gain = nn.Parameter(torch.full((dim,), init))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x


class TransformerBlock(Streaming):
    """Pre-norm causal block: windowed attention, then a GELU MLP, each behind LayerScale and a skip.

    float32[B, H, dim] to the same shape.

    State: attention.*  # see WindowedAttention
    """

    def __init__(self, dim: int, n_heads: int, window: int, dropout: float = 0.0, mlp_ratio: int = 4):
        super().__init__()
        self.receptive_field = window
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = WindowedAttention(dim, n_heads, window, dropout)
        self.scale_attention = LayerScale(dim)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_ratio * dim), nn.GELU(), nn.Linear(mlp_ratio * dim, dim))
        self.scale_mlp = LayerScale(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        attended, inner = self.attention(self.norm_attention(x_BHD), take(state, "attention"))
        x_BHD = x_BHD + self.dropout(self.scale_attention(attended))
        x_BHD = x_BHD + self.dropout(self.scale_mlp(self.mlp(self.norm_mlp(x_BHD))))
        return x_BHD, nest("attention", inner)
