"""Skip connections: ways to combine a layer's input with its output."""

import torch
from torch import Tensor, nn

KINDS = ("identity", "projection", "gated", "dense", "layerscale", "none")
SAME_WIDTH = ("identity", "gated", "layerscale")


class Skip(nn.Module):
    """`y = skip(x, f_x)`: float32[..., n_in] and float32[..., n_out] to float32[..., width].

    identity: x + f. projection: P x + f. gated: g f + (1 - g) x with g from x, mostly x at first (highway: Srivastava
    et al., 2015, https://arxiv.org/abs/1505.00387). dense: x and f concatenated, so that `width` is n_in + n_out (Huang
    et al., CVPR 2017, https://arxiv.org/abs/1608.06993). layerscale: x + s f with a learned gain per feature that
    starts at a tenth, so that a deep stack starts near the identity (Touvron et al., ICCV 2021,
    https://arxiv.org/abs/2103.17239). none: f. Dropout acts on f.
    """

    def __init__(self, kind: str, n_in: int, n_out: int, dropout: float = 0.0):
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"Skip: kind {kind!r}, needs one of {', '.join(KINDS)}")
        if kind in SAME_WIDTH and n_in != n_out:
            raise ValueError(f"Skip: {kind} from {n_in} to {n_out} features, needs equal widths; use projection")
        self.kind, self.width = kind, n_in + n_out if kind == "dense" else n_out
        self.dropout = nn.Dropout(dropout)
        if kind == "layerscale":
            self.gain = nn.Parameter(torch.full((n_out,), 0.1))
        if kind == "projection":
            self.project = nn.Linear(n_in, n_out, bias=False)
        if kind == "gated":
            self.gate = nn.Linear(n_in, n_out)
            nn.init.constant_(self.gate.bias, -1.0)

    def forward(self, x: Tensor, f_x: Tensor) -> Tensor:
        if self.kind == "layerscale":
            f_x = self.gain * f_x
        f_x = self.dropout(f_x)
        if self.kind == "none":
            return f_x
        if self.kind == "dense":
            return torch.cat([x, f_x], dim=-1)
        if self.kind == "projection":
            projected: Tensor = self.project(x)
            return projected + f_x
        if self.kind == "gated":
            gate: Tensor = self.gate(x).sigmoid()
            return gate * f_x + (1 - gate) * x
        return x + f_x
