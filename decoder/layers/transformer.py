"""Transformer block over windowed attention.

Shape suffixes: B streams, H steps (hops), D features.
"""

from torch import Tensor, nn

from decoder.layers.attention import WindowedAttention
from decoder.layers.skip import Skip
from decoder.streaming import State, Streaming, prefixed, substate


class TransformerBlock(Streaming):
    """Pre-norm causal block: windowed attention, then a GELU MLP, each behind a skip (see Skip).

    float32[B, H, dim] to the same shape; a dense skip is followed by a projection back to `dim`.

    State: attention.*  # see WindowedAttention
    """

    def __init__(
        self, dim: int, n_heads: int, window: int, dropout: float = 0.0, mlp_ratio: int = 4, skip: str = "layerscale"
    ):
        super().__init__()
        self.receptive_field = window
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = WindowedAttention(dim, n_heads, window, dropout)
        self.scale_attention = Skip(skip, dim, dim, dropout)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, mlp_ratio * dim), nn.GELU(), nn.Linear(mlp_ratio * dim, dim))
        self.scale_mlp = Skip(skip, dim, dim, dropout)
        self.narrow_attention, self.narrow_mlp = (
            nn.Linear(join.width, dim) if join.width != dim else nn.Identity()
            for join in (self.scale_attention, self.scale_mlp)
        )

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        attended, layer_state = self.attention(self.norm_attention(x_BHD), substate(state, "attention"))
        x_BHD = self.narrow_attention(self.scale_attention(x_BHD, attended))
        x_BHD = self.narrow_mlp(self.scale_mlp(x_BHD, self.mlp(self.norm_mlp(x_BHD))))
        return x_BHD, prefixed("attention", layer_state)
