"""How vectors become evoked responses, learned from many noisy trials in closed form.

The response is linear in the vector. It is a sum of bumps in time on every channel, whose weights have a Gaussian prior
that is the same for every direction of the vectors: a covariance over channels times one over time (as a few sources
with time courses give), found by expectation-maximisation (Dempster, Laird and Rubin, 1977). What trials do not tell is
thereby left at zero, where one ridge for all would keep noise or smooth the response away.

Arrays: d directions of the vectors, k = n_channels * N_BUMPS weights, channels outside, bumps inside.
"""

from dataclasses import dataclass

import numpy as np

N_BASIS = 16  # in the simulator's responses 10 smooth the response away, 24 give nothing
FIRST_S, LAST, WIDENING_S = (
    0.06,
    0.75,
    0.15,
)  # centres: from FIRST_S to LAST of the window, even in log(time + WIDENING)
STEPS = 30


def cosine_basis(n_times: int, sfreq: float) -> np.ndarray:
    """Raised cosines (n_times, N_BUMPS), each as wide as the way to the second next: later responses are wider."""
    at = np.log(np.arange(n_times) / sfreq + WIDENING_S)
    centres = np.linspace(np.log(FIRST_S + WIDENING_S), np.log(LAST * n_times / sfreq + WIDENING_S), N_BASIS)
    phase = (at[:, None] - centres) / (centres[1] - centres[0]) * np.pi / 2
    bumps: np.ndarray = 0.5 * (1 + np.cos(np.clip(phase, -np.pi, np.pi)))
    return bumps


def channel_basis(n_channels: int, n_times: int, sfreq: float) -> np.ndarray:
    """Every bump on every channel alone, float32 (k, n_channels, n_times)."""
    basis = np.einsum("ac,tb->abct", np.eye(n_channels), cosine_basis(n_times, sfreq))
    flat: np.ndarray = basis.reshape(-1, n_channels, n_times).astype(np.float32)
    return flat


def orthonormal_basis(heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal axes (n_values, k) of what bumps look like, `heard` (k, n_values), and the way there, gain (k, k)."""
    heard = heard.astype(float)
    values, axes = np.linalg.eigh(heard @ heard.T)
    values = values.clip(values.max() * 1e-8)
    return heard.T @ (axes / np.sqrt(values) @ axes.T), axes * np.sqrt(values) @ axes.T


@dataclass(frozen=True)
class EvokedModel:
    """The response to a vector, in units of the noise."""

    centre: np.ndarray  # (D,): vector of the mean response
    weights: np.ndarray  # (D, k): response to what a vector is apart from the centre
    typical: np.ndarray  # (d, k): the same for the directions of the vectors seen, each as large as it was there
    strongest: float  # energy of the strongest response to a vector seen
    noise: float  # standard deviation of trials of one label


def fit_evoked_model(
    sums: np.ndarray, counts: np.ndarray, energy: float, vectors: np.ndarray, gain: np.ndarray, n_channels: int
) -> EvokedModel:
    """Learn from the `sums` (K, k) of the `counts` (K,) trials of each label, and the sum of all their squares.

    The noise within labels is white. ValueError where labels are too few or their vectors the same.
    """
    shown = counts > 0
    sums, counts, vectors = sums[shown], counts[shown], vectors[shown]
    n_trials, root = counts.sum(), np.sqrt(counts)[:, None]
    within = energy - np.square(sums / root).sum()
    noise = np.sqrt(max(within, 0.0) / max(1, n_trials - len(counts)) / sums.shape[1])
    centre = counts @ vectors / n_trials
    left, size, right = np.linalg.svd(root * (vectors - centre), full_matrices=False)
    kept = size > max(1e-6 * size[0], 1e-6)
    if noise == 0 or not kept.any():
        raise ValueError("all trials of a label or the vectors of all labels are the same; look at signals and targets")
    left, size, right = left[:, kept], size[kept], right[kept]
    apart = sums / root - root * (sums.sum(axis=0) / n_trials)
    weights = posterior_map(left.T @ apart / noise, size, 1.0, gain / noise, n_channels)
    of_vectors = right.T @ weights
    strongest = float(np.square((vectors - centre) @ of_vectors).sum(axis=1).max())
    return EvokedModel(centre, of_vectors, size[:, None] * weights, strongest, float(noise))


def posterior_map(seen: np.ndarray, size: np.ndarray, noise: float, gain: np.ndarray, n_channels: int) -> np.ndarray:
    """Weights (d, k) with which each of d directions of the vectors, of singular values `size` (d,), gives a response.

    `seen` (d, k) is size * weights + white noise of variance `noise`; `gain` (k, k), symmetric, leads from bumps to
    that space.
    """
    n_bumps = len(gain) // n_channels
    power = max(1e-3, ((seen**2).sum() - seen.size * noise) / (size**2).sum())
    space, time = np.eye(n_channels), np.eye(n_bumps) * power / np.trace(gain @ gain)
    for _ in range(STEPS):
        prior = np.kron(space, time)
        mean, variance, values, axes = posterior(seen, size, noise, gain @ prior @ gain)
        back = prior @ gain @ axes / values  # from that space to bumps
        inside = (mean.T @ mean + np.diag(variance)) / len(size) - np.diag(values)
        second = (prior + back @ inside @ back.T).reshape((n_channels, n_bumps) * 2)
        for _ in range(2):
            space = np.einsum("atbu,tu->ab", second, inverse(time)) / n_bumps
            space *= n_channels / np.trace(space)
            time = np.einsum("atbu,ab->tu", second, inverse(space)) / n_channels
    mean, _, _, axes = posterior(seen, size, noise, gain @ np.kron(space, time) @ gain)
    response: np.ndarray = mean @ axes.T
    return response


def posterior(
    seen: np.ndarray, size: np.ndarray, noise: float, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean weights (d, k) along the prior's axes, summed variances (k,), the prior's variances (k,), and the axes."""
    values, axes = np.linalg.eigh(prior)
    values = values.clip(1e-12)
    spread = size[:, None] ** 2 * values + noise
    return size[:, None] * values / spread * (seen @ axes), (values * noise / spread).sum(axis=0), values, axes


def inverse(covariance: np.ndarray) -> np.ndarray:
    """Inverse of a covariance that may have directions without any variance."""
    return np.linalg.inv(covariance + 1e-9 * np.trace(covariance) * np.eye(len(covariance)))
