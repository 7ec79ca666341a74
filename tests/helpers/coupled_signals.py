"""Simulated signals whose coupling is known: a shared rhythm, and a chain of drivers."""

import numpy as np
from scipy.signal import lfilter

SFREQ, ALPHA = 128.0, ((8.0, 13.0),)
POSITIONS = np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [0.0, 0.02, 0.0], [0.05, 0.0, 0.0]])


def rhythm(n_times: int, rng: np.random.Generator) -> np.ndarray:
    """A rhythm at 10 Hz of changing amplitude and phase."""
    r, angle = 0.97, 2 * np.pi * 10 / SFREQ
    return lfilter([1.0], [1.0, -2 * r * np.cos(angle), r * r], rng.standard_normal(n_times))


def shared_rhythm(lag: int, seed: int = 0, n_times: int = 12800) -> list[np.ndarray]:
    """Two signals (4, n): channels 0 and 1 share a rhythm, 1 later by `lag` samples; 2 and 3 have their own."""
    rng = np.random.default_rng(seed)
    shared, *own = (rhythm(n_times + lag, rng) for _ in range(3))
    x = np.array([shared[lag:], shared[:n_times], *(signal[:n_times] for signal in own)])
    x += x.std() * rng.standard_normal(x.shape)
    return [x[:, : n_times // 2], x[:, n_times // 2 :]]


def driven_chain(seed: int = 0) -> list[np.ndarray]:
    """Two signals (4, n): 0 drives 1 and 1 drives 2; 3 is independent."""
    rng = np.random.default_rng(seed)
    x = np.zeros((4, 8000))
    for t in range(2, 8000):
        x[:, t] = 0.4 * x[:, t - 1] + rng.standard_normal(4)
        x[1, t] += 0.6 * x[0, t - 2]
        x[2, t] += 0.6 * x[1, t - 1]
    return [x[:, :4000], x[:, 4000:]]
