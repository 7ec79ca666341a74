"""Linear algebra that several layers share."""

import torch
from torch import Tensor


def inverse_sqrt(matrix: Tensor) -> Tensor:
    """Inverse square root of symmetric positive definite matrices [..., N, N]; ValueError where one is degenerate."""
    values, vectors = torch.linalg.eigh(matrix)
    if not (values > 1e-9 * values[..., -1:]).all():
        rank = int((values > 1e-9 * values[..., -1:]).sum(-1).min())
        raise ValueError(
            f"a covariance of {matrix.shape[-1]} rows has rank {rank}, needs {matrix.shape[-1]}; drop channels that "
            "repeat others"
        )
    root: Tensor = vectors @ (values.rsqrt()[..., None] * vectors.transpose(-1, -2))
    return root
