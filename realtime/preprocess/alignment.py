"""Causal alignment: each session's channels are made uncorrelated by its own running covariance."""

import numpy as np

from realtime.linalg import inverse_sqrt, multiply_in_order
from realtime.state import State

# Seconds of signal that the identity is worth before any signal; channels are in running standard deviations.
PRIOR_S = 2.0
SHRINKAGE = 0.02  # channels referenced to their average leave one direction empty


class RunningWhitening:
    """Multiplies by the inverse square root of the session's covariance so far, renewed once a second.

    Euclidean alignment (He and Wu, IEEE TBME 2020) with a running mean instead of the mean over trials, so that it runs
    live: the matrix for a sample depends only on whole seconds before it. Cutting the input changes no bit.

    State: covariance, whitening float64[C, C]; pending float64[second, C]  of the unfinished second; n int64  samples
    seen.
    """

    def __init__(self, sfreq: float, align_s: float):
        self.second, self.align_s = max(1, round(sfreq)), align_s

    def start(self, n_channels: int) -> State:
        """State before any sample."""
        return {
            "covariance": np.eye(n_channels),
            "whitening": np.eye(n_channels),
            "pending": np.zeros((self.second, n_channels)),
            "n": np.array(0),
        }

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Whiten the chunk (n_times, n_channels)."""
        covariance, whitening, n = state["covariance"], state["whitening"], int(state["n"])
        pending, aligned = state["pending"].copy(), [x[:0]]
        while len(x):
            first = n % self.second
            chunk, x = x[: self.second - first], x[self.second - first :]
            pending[first : first + len(chunk)] = chunk
            aligned.append(multiply_in_order(chunk, whitening))
            n += len(chunk)
            if n % self.second == 0:
                seconds = min(PRIOR_S + n / self.second, self.align_s)
                covariance = covariance + (pending.T @ pending / self.second - covariance) / max(seconds, 1.0)
                whitening = inverse_sqrt(covariance, SHRINKAGE)
        new = {"covariance": covariance, "whitening": whitening, "pending": pending, "n": np.array(n)}
        return np.concatenate(aligned), new
