"""Attention over the recent past with a key/value cache that never grows.

Shape suffixes: B streams, H steps (hops), D features, N heads, K feature of one head, P positions (cache + chunk).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.streaming import State, Streaming, append_history


class WindowedAttention(Streaming):
    """Causal self-attention over the last `window` steps, the present one included.

    float32[B, H, dim] to the same shape. Position enters only as distance, by ALiBi (Press et al., ICLR 2022,
    https://arxiv.org/abs/2108.12409), so a stream may have any length.

    State: k, v  float32[B, n_heads, window - 1, dim / n_heads]  # newest last; empty slots are never read
           seen  int64[B]                                        # filled slots
    """

    slopes_N: Tensor

    def __init__(self, dim: int, n_heads: int, window: int, dropout: float = 0.0):
        super().__init__()
        if dim % n_heads:
            raise ValueError(f"WindowedAttention: dim {dim}, needs a multiple of n_heads {n_heads}")
        if window < 2:
            raise ValueError(f"WindowedAttention: window of {window} steps, needs 2 or more")
        self.n_heads, self.head_dim, self.dropout = n_heads, dim // n_heads, dropout
        self.window = self.receptive_field = window
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        slopes_N = 2.0 ** (-8.0 * torch.arange(1, n_heads + 1) / n_heads)
        self.register_buffer("slopes_N", slopes_N, persistent=False)

    def init_state(self, batch: int) -> State:
        shape = (batch, self.n_heads, self.window - 1, self.head_dim)
        return {"k": self.zeros(*shape), "v": self.zeros(*shape), "seen": self.zeros(batch, dtype=torch.int64)}

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        n_steps, n_past = x_BHD.shape[1], self.window - 1
        if n_steps == 0:
            return x_BHD, state
        q, k, v = self.qkv(x_BHD).unflatten(-1, (3, self.n_heads, self.head_dim)).permute(2, 0, 3, 1, 4)

        filled_BP = torch.arange(n_past, device=x_BHD.device) >= n_past - state["seen"][:, None]
        filled = filled_BP[:, None, :, None]
        # Empty slots are set to zero, since weight 0 would not remove a NaN.
        k, k_past = append_history(torch.where(filled, state["k"], 0.0), k, dim=2)
        v, v_past = append_history(torch.where(filled, state["v"], 0.0), v, dim=2)
        bias = self.bias(n_steps).masked_fill(~F.pad(filled_BP, (0, n_steps), value=True)[:, None, None], -torch.inf)

        dropout = self.dropout if self.training else 0.0
        k, v, bias = k.to(q.dtype), v.to(q.dtype), bias.to(q.dtype)
        if n_steps == 1 and not dropout:  # the fused form exports to nine more ONNX operators
            y = torch.softmax(q @ k.mT * self.head_dim**-0.5 + bias, -1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, bias, dropout)
        seen = (state["seen"] + n_steps).clamp(max=n_past)
        return self.out(y.transpose(1, 2).flatten(2)), {"k": k_past, "v": v_past, "seen": seen}

    def bias(self, n_steps: int) -> Tensor:
        """Added to the scores: minus slope times distance inside the window, minus infinity outside, [1, N, H, P]."""
        past = self.window - 1
        query_H = torch.arange(past, past + n_steps, device=self.slopes_N.device)
        distance_HP = query_H[:, None] - torch.arange(past + n_steps, device=self.slopes_N.device)
        visible_HP = (distance_HP >= 0) & (distance_HP < self.window)
        return torch.where(visible_HP, -self.slopes_N[:, None, None] * distance_HP, -torch.inf)[None]
