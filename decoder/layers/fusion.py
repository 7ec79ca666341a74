"""Two modalities made one, at each hop, when either may be missing.

Shape suffixes: B streams, H hops, M the two modalities, W width of what each brings, D embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, prefixed, substate

RULES = ("add", "concat_half", "mean_normalised", "gated", "cross_attention")


class ModalityFusion(nn.Module):
    """What each modality says at each hop, fused: float32[B, H, 2, W] and present bool[B, H, 2] to float32[B, H, D].

    What is not present never counts, whatever it holds; where neither is, the answer is the one for nothing heard.
    add: sum, each behind a LayerNorm, that one may not drown the other. concat_half: half the width each and a linear
    layer over both, a learned vector in place of the missing. mean_normalised: mean of the present, each of length 1;
    nothing to learn. gated: a learned weight per hop. cross_attention: a causal transformer over the tokens of both in
    turn, a learned token in place of the missing (as ALBEF, Li et al., NeurIPS 2021, attends across modalities).

    State, with cross_attention only: block.*  # see TransformerBlock
    """

    def __init__(self, rule: str, dim: int, width: int, n_heads: int, window: int):
        super().__init__()
        if rule not in RULES:
            raise ValueError(f"Fusion: rule {rule!r}, needs one of {', '.join(RULES)}")
        self.rule = rule
        self.width = {"concat_half": -(-dim // 2), "cross_attention": width}.get(rule, dim)
        if rule in ("add", "gated", "cross_attention"):
            self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(2))
        if rule in ("concat_half", "cross_attention"):
            self.missing = nn.Parameter(0.02 * torch.randn(2, self.width))
        if rule == "concat_half":
            self.out = nn.Linear(2 * self.width, dim)
        if rule == "gated":
            self.gate = nn.Linear(2 * self.width, 2)
        if rule == "cross_attention":
            self.kind = nn.Parameter(0.02 * torch.randn(2, self.width))  # tells a token of one from one of the other
            self.block = TransformerBlock(self.width, n_heads, 2 * window)
            self.out = nn.Linear(self.width, dim)

    def forward(self, x_BHMW: Tensor, present_BHM: Tensor, state: State) -> tuple[Tensor, State]:
        here = present_BHM[..., None]
        if self.rule == "mean_normalised":
            total = torch.where(here, F.normalize(x_BHMW, dim=-1), 0.0).sum(dim=2)
            return total / here.sum(dim=2).clamp(min=1), {}
        if self.rule == "concat_half":
            return self.out(torch.where(here, x_BHMW, self.missing).flatten(2)), {}
        normed = torch.stack([norm(x_BHMW[:, :, i]) for i, norm in enumerate(self.norms)], dim=2)
        if self.rule == "cross_attention":
            tokens = (torch.where(here, normed, self.missing) + self.kind).flatten(1, 2)  # both of a hop in turn
            seen, inner = self.block(tokens, substate(state, "block"))
            return self.out(seen[:, 1::2]), prefixed("block", inner)  # the second of a hop has seen the first
        normed = torch.where(here, normed, 0.0)
        if self.rule == "gated":
            # Far below any score, yet finite: where neither is there, a softmax over nothing would be NaN.
            score = self.gate(normed.flatten(2)).masked_fill(~present_BHM, -1e4)
            normed = score.softmax(dim=-1)[..., None] * normed
        return normed.sum(dim=2), {}
