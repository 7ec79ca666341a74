import numpy as np

from realtime.linalg import inverse_sqrt, multiply_in_order


def covariance(n: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(200, n))
    return x.T @ x / len(x)


def test_the_inverse_square_root_whitens_the_shrunk_covariance():
    matrix, shrinkage = covariance(5), 0.1
    root = inverse_sqrt(matrix, shrinkage)
    shrunk = (1 - shrinkage) * matrix + shrinkage * np.trace(matrix) / 5 * np.eye(5)
    np.testing.assert_allclose(root @ shrunk @ root, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(root, root.T, atol=1e-12)


def test_zero_covariance_gives_the_identity():
    np.testing.assert_array_equal(inverse_sqrt(np.zeros((3, 3)), 0.02), np.eye(3))


def test_products_in_order_do_not_depend_on_the_chunk():
    x, matrix = np.random.default_rng(1).normal(size=(50, 7)), covariance(7)
    whole = multiply_in_order(x, matrix)
    np.testing.assert_array_equal(np.concatenate([multiply_in_order(row[None], matrix) for row in x]), whole)
    np.testing.assert_allclose(whole, x @ matrix, atol=1e-12)
