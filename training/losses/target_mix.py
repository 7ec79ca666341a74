"""A learned mix of several layers of an image model as one target.

Shape suffixes: L labels, D embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TargetMix(nn.Module):
    """Softmax-weighted mix of linear projections of target layers to one width, float32[L, D].

    `table`: the layers of every label side by side, of widths `widths`; it is data, so no checkpoint holds it. Linear
    projectors and a learned mix: SAMGA (2604.17782), where they beat MLPs and any single layer; Shallow Alignment
    (2601.21948).
    """

    table: Tensor

    def __init__(self, table: Tensor, widths: Sequence[int], dim: int):
        super().__init__()
        if sum(widths) != table.shape[1]:
            raise ValueError(f"TargetMix: widths {tuple(widths)} of a table {table.shape[1]} wide, needs their sum")
        self.widths = tuple(widths)
        self.register_buffer("table", table, persistent=False)
        self.projections = nn.ModuleList(nn.Linear(width, dim, bias=False) for width in widths)
        self.mix = nn.Parameter(torch.zeros(len(self.widths)))

    def forward(self) -> Tensor:
        """The mix for every label, not normalised."""
        layers = torch.split(self.table, list(self.widths), dim=1)
        terms = zip(self.mix.softmax(dim=0), self.projections, layers, strict=True)
        return torch.stack([share * project(layer) for share, project, layer in terms]).sum(dim=0)
