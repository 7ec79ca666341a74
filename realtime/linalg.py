"""Linear algebra that several rooms share."""

import numpy as np

# Towards a multiple of the identity: channels referenced to their average leave one direction empty.
SHRINKAGE = 0.02


def inverse_sqrt(covariance: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root of the shrunk covariance; of zeros, the identity."""
    n_channels = len(covariance)
    power = np.trace(covariance) / n_channels
    if power <= 0:
        return np.eye(n_channels)
    values, vectors = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * power * np.eye(n_channels))
    return (vectors / np.sqrt(values)) @ vectors.T


def multiply_in_order(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`x @ matrix`, channel by channel: a matrix product would sum in an order that depends on the chunk."""
    y = np.zeros_like(x)
    for column, row in zip(x.T, matrix, strict=True):
        y += column[:, None] * row
    return y
