import pytest
import torch

from decoder.closed_form.tangent_space import sweep_inverse, tangent_vector
from decoder.linalg import inverse_sqrt


def covariances(n: int = 6, size: int = 5, seed: int = 0) -> torch.Tensor:
    x = torch.randn(n, size, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x @ x.transpose(1, 2) / 40


def logarithm(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ (values.log()[..., None] * vectors.transpose(-1, -2))


def test_sweep_inverts_matrices_of_at_least_the_identity() -> None:
    matrix = covariances() + torch.eye(5)
    torch.testing.assert_close(sweep_inverse(matrix), torch.linalg.inv(matrix))


def test_tangent_vector_is_the_logarithm_near_the_reference() -> None:
    """To third order in the distance, which is what a [1/1] Pade form promises."""
    around = torch.eye(5, dtype=torch.float64)
    way = covariances(1)[0] - torch.eye(5)
    row, column = torch.triu_indices(5, 5)
    for step, bound in ((0.1, 2e-3), (0.01, 2e-6)):
        near = around + step * way
        expected = logarithm(near)[row, column] * torch.where(row == column, 1.0, 2**0.5)
        assert (tangent_vector(near, around) - expected).abs().max() < bound * way.abs().max()


def test_length_of_a_tangent_vector_is_that_of_its_matrix() -> None:
    matrix = covariances(1)[0]
    a = matrix + torch.eye(5)
    full = 2 * (matrix - torch.eye(5)) @ torch.linalg.inv(a)
    torch.testing.assert_close(tangent_vector(matrix, torch.eye(5, dtype=torch.float64)).norm(), full.norm())


def test_reference_point_has_the_zero_vector() -> None:
    matrix = covariances(1)[0]
    assert tangent_vector(matrix, inverse_sqrt(matrix, 0.0)).abs().max() < 1e-9


def test_outliers_are_bounded() -> None:
    """Whatever the amplitude, no entry of the diagonal passes 2."""
    assert tangent_vector(1e6 * covariances(), torch.eye(5, dtype=torch.float64)).abs().max() <= 2 * 2**0.5


def test_degenerate_covariance_is_refused_with_its_rank() -> None:
    matrix = covariances(1)[0]
    matrix[4], matrix[:, 4] = matrix[3], matrix[:, 3]
    matrix[4, 4] = matrix[3, 3]
    with pytest.raises(ValueError, match="covariance of 5 rows has rank 4, needs 5"):
        inverse_sqrt(matrix, 0.0)
