"""Linear algebra that several packages share; `decoder/linalg.py` is its twin for torch."""

import numpy as np


def inverse_sqrt(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    """Symmetric inverse square root of a shrunk covariance, float64 (n, n); the identity if the covariance is zero.

    `shrinkage` in 0..1 moves the covariance towards a multiple of the identity of the same mean power.
    """
    n_channels = len(covariance)
    power = np.trace(covariance) / n_channels
    if power <= 0:
        return np.eye(n_channels)
    values, vectors = np.linalg.eigh((1 - shrinkage) * covariance + shrinkage * power * np.eye(n_channels))
    root: np.ndarray = (vectors / np.sqrt(values)) @ vectors.T
    return root


def multiply_in_order(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`x @ matrix`, summed channel by channel: a matrix product would sum in an order that depends on the chunk."""
    y = np.zeros_like(x)
    for column, row in zip(x.T, matrix, strict=True):
        y += column[:, None] * row
    return y
