"""Sums over the steps since the onset of a trial, and the encoding of the time since onset.

Onset input everywhere: float32[B, H], seconds since the latest onset at the END of each hop, negative where no onset
is known. Shape suffixes: B streams, H hops, D features, P positions (carried sum + chunk).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from decoder.streaming import State, Streaming

BASIS_S = 2.0  # the basis resolves this long after an onset, and stays constant later


def onset_basis(onset_BH: Tensor, n: int) -> Tensor:
    """Cosines of since-onset seconds that span functions on 0..2 s, zero where no onset is known, [B, H, n]."""
    phase = onset_BH.clamp(0.0, BASIS_S) * (math.pi / BASIS_S)
    basis = torch.cos(phase[..., None] * torch.arange(n, device=onset_BH.device))
    return torch.where(onset_BH[..., None] >= 0, basis, 0.0)


class OnsetSum(Streaming):
    """Sum of the tokens since onset, divided as `normalisation` says.

    root: by sqrt(1 + their number), so that noise keeps its size as steps are added; count: by their number, which
    gives the mean; nothing: the sum itself, as for log-likelihoods.

    float32[B, H, dim] to the same shape. The sum restarts at a new trial (since-onset falls) and where an onset
    becomes known or unknown. Without an onset it decays by the factor `leak` per step.

    State: sum    float32[B, dim]  # of the tokens since the restart
           count  float32[B]       # of those tokens
           last   float32[B]       # since-onset of the latest step, s
    """

    def __init__(self, dim: int, leak: float, normalisation: str = "root"):
        super().__init__()
        if normalisation not in ("root", "count", "nothing"):
            raise ValueError(f"OnsetSum: normalisation {normalisation!r}, needs root, count or nothing")
        self.dim, self.leak, self.normalisation = dim, leak, normalisation

    def init_state(self, batch: int) -> State:
        return {"sum": self.zeros(batch, self.dim), "count": self.zeros(batch), "last": self.zeros(batch)}

    def forward(
        self, x_BHD: Tensor, state: State | None = None, onset_BH: Tensor | None = None
    ) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        if x_BHD.shape[1] == 0:
            return x_BHD, state
        onset_BH = torch.full_like(x_BHD[..., 0], -1.0) if onset_BH is None else onset_BH
        known_BH, restart_BH = self.onset_changes(onset_BH, state["last"])
        if x_BHD.shape[1] == 1:  # the general form would be a third of the operators of an exported encoder
            decay_BH = torch.where(restart_BH, 0.0, torch.where(known_BH, 1.0, self.leak)).to(x_BHD.dtype)
            sums_BHD = decay_BH[..., None] * state["sum"][:, None] + x_BHD
            count_BH = decay_BH * state["count"][:, None] + 1
        else:
            weight_BHP = self.weights(known_BH, restart_BH).to(x_BHD.dtype)
            sums_BHD = weight_BHP @ torch.cat([state["sum"][:, None], x_BHD], dim=1)
            ones = torch.ones_like(onset_BH)
            count_BH = (weight_BHP @ torch.cat([state["count"][:, None], ones], dim=1)[..., None]).squeeze(-1)
        new = {"sum": sums_BHD[:, -1], "count": count_BH[:, -1], "last": onset_BH[:, -1]}
        if self.normalisation == "nothing":
            return sums_BHD, new
        if self.normalisation == "count":
            return sums_BHD / count_BH[..., None], new
        return sums_BHD * (1 + count_BH[..., None]).rsqrt(), new

    def onset_changes(self, onset_BH: Tensor, last_B: Tensor) -> tuple[Tensor, Tensor]:
        """Whether an onset is known, and whether the sum restarts, bool[B, H] each."""
        before_BH = torch.cat([last_B[:, None], onset_BH[:, :-1]], dim=1)
        known_BH = onset_BH >= 0
        return known_BH, (known_BH != (before_BH >= 0)) | (known_BH & (onset_BH < before_BH))

    def weights(self, known_BH: Tensor, restart_BH: Tensor) -> Tensor:
        """Weight of the carried sum (position 0) and of each token in each step's sum, [B, H, P]."""
        trial_BP = F.pad(restart_BH.long().cumsum(1), (1, 0))
        leaks_BP = F.pad((~known_BH).long().cumsum(1), (1, 0))
        step = torch.arange(trial_BP.shape[1], device=known_BH.device)
        same_trial = (trial_BP[:, 1:, None] == trial_BP[:, None]) & (step[1:, None] >= step)
        leaks = (leaks_BP[:, 1:, None] - leaks_BP[:, None]).clamp(min=0)
        return torch.where(same_trial, self.leak**leaks, 0.0)
