"""Whitening of the sensors, learned from training data."""

import numpy as np
import torch

from decoder.layers.encoder import Network
from training.runs.recipe import Recipe


def whiten(network: Network, signals: list[np.ndarray], recipe: Recipe) -> None:
    """Set a network's fixed whitening, where it has one, from the training signals, each float32 (C, n_times).

    Their covariance is shrunk towards a multiple of the identity.
    """
    if network.learns_whitening:
        signal = np.concatenate(signals, axis=1).astype(float)
        covariance = signal @ signal.T / signal.shape[1]
        mean_power = np.trace(covariance) / len(covariance)
        covariance = (1 - recipe.whitening) * covariance + recipe.whitening * mean_power * np.eye(len(covariance))
        values, vectors = np.linalg.eigh(covariance)
        network.set_whitening(torch.as_tensor(vectors / np.sqrt(values) @ vectors.T, dtype=torch.float32))
