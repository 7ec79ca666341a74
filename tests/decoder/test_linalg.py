"""The inverse square root of torch equals that of numpy, which live decoding uses."""

import numpy as np
import pytest
import torch

from decoder import linalg
from realtime.linalg import inverse_sqrt


@pytest.mark.parametrize("shrinkage", [0.0, 0.02, 0.2, 1.0])
def test_inverse_sqrt_of_torch_equals_that_of_numpy(shrinkage: float) -> None:
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((3, 5, 5))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(5)
    result = linalg.inverse_sqrt(torch.as_tensor(covariances), shrinkage).numpy()
    for covariance, root in zip(covariances, result, strict=True):
        np.testing.assert_allclose(root, inverse_sqrt(covariance, shrinkage), rtol=1e-10, atol=1e-12)


def test_unshrunk_inverse_sqrt_whitens() -> None:
    root = torch.randn(4, 4, dtype=torch.float64)
    covariance = root @ root.T + torch.eye(4)
    whitening = linalg.inverse_sqrt(covariance, 0.0)
    torch.testing.assert_close(whitening @ covariance @ whitening, torch.eye(4, dtype=torch.float64))


def test_inverse_sqrt_of_a_degenerate_covariance_is_refused_unless_shrunk() -> None:
    covariance = torch.ones(3, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="a covariance of 3 rows has rank 1, needs 3"):
        linalg.inverse_sqrt(covariance, 0.0)
    assert linalg.inverse_sqrt(covariance, 0.02).isfinite().all()
