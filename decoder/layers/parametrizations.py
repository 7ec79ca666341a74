"""Constraints on weights that hold in the forward pass, so training and export need not know of them."""

from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

Module = TypeVar("Module", bound=nn.Module)


class MaxNorm(nn.Module):
    """Weights of one output, over all other dimensions, scaled down to the norm `limit` where theirs is larger."""

    def __init__(self, limit: float):
        super().__init__()
        self.limit = limit

    def forward(self, weight: Tensor) -> Tensor:
        norm: Tensor = weight.flatten(1).norm(dim=1).clamp(min=1e-12)
        return weight * (self.limit / norm).clamp(max=1.0).reshape(-1, *[1] * (weight.dim() - 1))

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight


class RepeatedFilters(nn.Module):
    """Each filter is used by `times` consecutive outputs."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def forward(self, weight: Tensor) -> Tensor:
        return weight.repeat_interleave(self.times, dim=0)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight[:: self.times].clone()


class SmoothedKernel(nn.Module):
    """A kernel followed by a mean over `width` samples, as one longer kernel."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, weight: Tensor) -> Tensor:
        return nn.functional.conv1d(weight, weight.new_full((1, 1, self.width), 1 / self.width), padding=self.width - 1)

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight[..., self.width - 1 :].clone()


def parametrized(module: Module, constraint: nn.Module) -> Module:
    """The same module, with a constraint on its weight."""
    register_parametrization(module, "weight", constraint)
    return module
