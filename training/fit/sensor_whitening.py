"""Whitening of the sensors, estimated from training data."""

import numpy as np
import torch

from decoder.layers.encoder import Network
from realtime.linalg import inverse_sqrt
from training.runs.recipe import Recipe


def whiten(network: Network, signals: list[np.ndarray], recipe: Recipe) -> None:
    """Set a network's fixed whitening, where it has one, from the training signals, each float32 (C, n_times).

    Their covariance is shrunk towards a multiple of the identity.
    """
    if network.learns_whitening:
        signal = np.concatenate(signals, axis=1).astype(float)
        covariance = signal @ signal.T / signal.shape[1]
        whitening = inverse_sqrt(covariance, recipe.whitening)
        network.set_whitening(torch.as_tensor(whitening, dtype=torch.float32))
