"""Tangent vectors of running covariances, computed with products and sums only.

Shape suffixes: B streams, H hops, N rows of the matrix.
"""

import torch
from torch import Tensor


def tangent_vector(covariance: Tensor, whitening: Tensor) -> Tensor:
    """Upper triangle of the Cayley transform of the whitened covariance, [..., N, N] to [..., N * (N + 1) / 2].

    `whitening` is the inverse square root of the reference point. 2 (A - I)(A + I)^-1 is the matrix logarithm's [1/1]
    Pade form: equal to it near the reference, bounded for outliers, and free of eigenvectors, which ONNX lacks. On
    recorded evoked activity a linear classifier did as well on it as on the logarithm (docs/decisions.md). Each entry
    off the diagonal is in the matrix twice, hence the root of two (Barachant et al., IEEE TBME, 2012).
    """
    n = covariance.shape[-1]
    a = whitening @ covariance @ whitening
    eye = torch.eye(n, dtype=a.dtype, device=a.device)
    mapped = 2 * eye - 4 * sweep_inverse(a + eye)
    row, column = torch.triu_indices(n, n, device=a.device)
    upper = mapped.flatten(-2).index_select(-1, row * n + column)
    return upper * torch.where(row == column, 1.0, 2**0.5).to(a.dtype)


def sweep_inverse(matrix: Tensor) -> Tensor:
    """Inverse of symmetric matrices [..., N, N] with eigenvalues of 1 or more, by the sweep, which needs no pivoting
    then.

    N rank-one updates; ONNX has no inverse. Goodnight, The American Statistician, 1979.
    """
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    for unit in eye:
        pivot = unit @ matrix @ unit
        column, row = matrix @ unit, unit @ matrix
        update = (column - unit)[..., :, None] * (row + unit)[..., None, :]
        matrix = matrix - update / pivot[..., None, None]
    return matrix
