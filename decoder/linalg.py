"""Linear algebra that several packages share: the torch twin of `realtime.linalg`."""

import torch
from torch import Tensor


def inverse_sqrt(covariance: Tensor, shrinkage: float) -> Tensor:
    """Symmetric inverse square root of covariances [..., N, N] that are shrunk towards a multiple of the identity.

    `shrinkage` is the share, 0 to 1, of the identity times the mean variance. ValueError where a matrix is degenerate.
    """
    n_rows = covariance.shape[-1]
    eye = torch.eye(n_rows, dtype=covariance.dtype, device=covariance.device)
    power = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    values, vectors = torch.linalg.eigh((1 - shrinkage) * covariance + shrinkage * power * eye)
    if not (values > 1e-9 * values[..., -1:]).all():
        rank = int((values > 1e-9 * values[..., -1:]).sum(-1).min())
        raise ValueError(
            f"a covariance of {n_rows} rows has rank {rank}, needs {n_rows}; drop channels that repeat others"
        )
    root: Tensor = vectors @ (values.rsqrt()[..., None] * vectors.transpose(-1, -2))
    return root
