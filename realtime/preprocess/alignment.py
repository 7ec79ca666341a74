"""Alignment of recordings, causally: each session's channels made uncorrelated by its own running covariance."""

import numpy as np

from realtime.linalg import inverse_sqrt, multiply_in_order
from realtime.state import State

# Seconds that the identity counts for before any signal: channels come in running standard deviations.
PRIOR_S = 2.0


class RunningWhitening:
    """Multiply by the inverse square root of the session's covariance so far, renewed once a second.

    Euclidean alignment (He and Wu, IEEE TBME 2020) with a running mean for the mean over trials, so that it runs live:
    what a sample is multiplied by depends on whole seconds before it only. Cutting the input changes no bit.

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
        pending, parts = state["pending"].copy(), [x[:0]]
        while len(x):
            at = n % self.second
            part, x = x[: self.second - at], x[self.second - at :]
            pending[at : at + len(part)] = part
            parts.append(multiply_in_order(part, whitening))
            n += len(part)
            if n % self.second == 0:
                seconds = min(PRIOR_S + n / self.second, self.align_s)
                covariance = covariance + (pending.T @ pending / self.second - covariance) / max(seconds, 1.0)
                whitening = inverse_sqrt(covariance)
        new = {"covariance": covariance, "whitening": whitening, "pending": pending, "n": np.array(n)}
        return np.concatenate(parts), new
