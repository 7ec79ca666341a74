"""Fusion of the features of two modalities at each hop, either of which may be missing.

Shape suffixes: B streams, H hops, M the two modalities, W features of each modality, D embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, prefixed, substate

RULES = ("add", "concat_half", "mean_normalised", "gated", "cross_attention")


def modality_width(rule: str, embedding_dim: int, token_width: int) -> int:
    """Features W that each modality brings to an embedding of `embedding_dim`; `token_width`: of cross_attention."""
    return {"concat_half": -(-embedding_dim // 2), "cross_attention": token_width}.get(rule, embedding_dim)


class ModalityFusion(nn.Module):
    """Fused features of both modalities: float32[B, H, 2, W] and present bool[B, H, 2] to float32[B, H, D].

    The features of an absent modality have no influence. Wpresent both are absent, the output is that of no input.

    - add: sum, each behind a LayerNorm, so that neither dominates by its scale.
    - concat_half: half the width each and a linear layer over both; a learned vector replaces an absent modality.
    - mean_normalised: mean of those present, each of length 1; nothing to learn.
    - gated: a learned weight per hop.
    - cross_attention: a causal transformer over the tokens of both in turn; a learned token replaces an absent one (as
      ALBEF, Li et al., NeurIPS 2021, attends across modalities).

    State, with cross_attention only: block.*  # see TransformerBlock
    """

    def __init__(self, rule: str, dim: int, width: int, n_heads: int, window: int):
        super().__init__()
        if rule not in RULES:
            raise ValueError(f"ModalityFusion: rule {rule!r}, needs one of {', '.join(RULES)}")
        self.rule = rule
        self.width = modality_width(rule, dim, width)
        if rule in ("add", "gated", "cross_attention"):
            self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(2))
        if rule in ("concat_half", "cross_attention"):
            self.missing = nn.Parameter(0.02 * torch.randn(2, self.width))
        if rule == "concat_half":
            self.out = nn.Linear(2 * self.width, dim)
        if rule == "gated":
            self.gate = nn.Linear(2 * self.width, 2)
        if rule == "cross_attention":
            self.kind = nn.Parameter(0.02 * torch.randn(2, self.width))  # marks tokens by their modality
            self.block = TransformerBlock(self.width, n_heads, 2 * window)
            self.out = nn.Linear(self.width, dim)

    def forward(self, x_BHMW: Tensor, present_BHM: Tensor, state: State) -> tuple[Tensor, State]:
        present = present_BHM[..., None]
        if self.rule == "mean_normalised":
            total = torch.where(present, F.normalize(x_BHMW, dim=-1), 0.0).sum(dim=2)
            return total / present.sum(dim=2).clamp(min=1), {}
        if self.rule == "concat_half":
            return self.out(torch.where(present, x_BHMW, self.missing).flatten(2)), {}
        normed = torch.stack([norm(x_BHMW[:, :, i]) for i, norm in enumerate(self.norms)], dim=2)
        if self.rule == "cross_attention":
            # Both tokens of a hop in turn: the second attends to the first.
            tokens = (torch.where(present, normed, self.missing) + self.kind).flatten(1, 2)
            attended, block = self.block(tokens, substate(state, "block"))
            return self.out(attended[:, 1::2]), prefixed("block", block)
        normed = torch.where(present, normed, 0.0)
        if self.rule == "gated":
            # Far below any score, yet finite: where both are absent, a softmax over -inf would be NaN.
            score = self.gate(normed.flatten(2)).masked_fill(~present_BHM, -1e4)
            normed = score.softmax(dim=-1)[..., None] * normed
        return normed.sum(dim=2), {}
