"""A linear model of evoked activity as a function of a label's vector, fitted to many noisy trials in one step.

The evoked activity is a sum of cosine bumps in time on every channel. The weights of the bumps are linear in the vector
and have a Gaussian prior that is the same for every direction of the vectors: a covariance over channels times one over
time (as a few sources with time courses give), fitted by expectation-maximisation (Dempster, Laird and Rubin, 1977).
Weights that the trials do not determine stay at zero; a single ridge would keep noise or smooth the activity away.

Shapes: D values of a vector; d directions in which the training vectors differ; k = n_channels * N_BASIS weights, the
bumps of the first channel first; K labels.
"""

from dataclasses import dataclass

import numpy as np

N_BASIS = 16  # on simulated data 10 smooth the activity away and 24 gain nothing
# Centres from FIRST_S to the share LAST of the window, equally spaced in log(time + WIDENING_S).
FIRST_S, LAST, WIDENING_S = 0.06, 0.75, 0.15
STEPS = 30


def cosine_basis(n_times: int, sfreq: float) -> np.ndarray:
    """Raised cosines (n_times, N_BASIS), each as wide as the distance to the second next; later ones are wider."""
    log_time = np.log(np.arange(n_times) / sfreq + WIDENING_S)
    centres = np.linspace(np.log(FIRST_S + WIDENING_S), np.log(LAST * n_times / sfreq + WIDENING_S), N_BASIS)
    phase = (log_time[:, None] - centres) / (centres[1] - centres[0]) * np.pi / 2
    basis: np.ndarray = 0.5 * (1 + np.cos(np.clip(phase, -np.pi, np.pi)))
    return basis


def channel_basis(n_channels: int, n_times: int, sfreq: float) -> np.ndarray:
    """One row for every bump on every channel, float32 (k, n_channels, n_times)."""
    basis: np.ndarray = np.einsum("ac,tb->abct", np.eye(n_channels), cosine_basis(n_times, sfreq))
    return basis.reshape(-1, n_channels, n_times).astype(np.float32)


def orthonormal_basis(filtered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal axes (n_values, k) of the space of bumps `filtered` (k, n_values), and the gain (k, k) to them."""
    filtered = filtered.astype(float)
    values, axes = np.linalg.eigh(filtered @ filtered.T)
    values = values.clip(values.max() * 1e-8)
    return filtered.T @ (axes / np.sqrt(values) @ axes.T), axes * np.sqrt(values) @ axes.T


@dataclass(frozen=True)
class EvokedModel:
    """Evoked activity as a linear function of a vector, in units of the noise.

    D is the width of a vector, d the number of directions of the training vectors, k = n_channels * N_BASIS.
    """

    centre: np.ndarray  # (D,): vector of the mean activity
    weights: np.ndarray  # (D, k): of the difference of a vector from the centre
    typical: np.ndarray  # (d, k): the same for each direction of the training vectors, at its size there
    strongest: float  # energy of the strongest activity evoked by a training vector
    noise: float  # standard deviation of trials of one label


def fit_evoked_model(
    sums: np.ndarray, n_of_label: np.ndarray, energy: float, vectors: np.ndarray, gain: np.ndarray, n_channels: int
) -> EvokedModel:
    """Fit to the `sums` (K, k) over the `n_of_label` (K,) trials of each label; `energy` is the sum of all squares.

    The noise within labels is white. ValueError where labels are too few or their vectors are equal.
    """
    shown = n_of_label > 0
    sums, n_of_label, vectors = sums[shown], n_of_label[shown], vectors[shown]
    n_trials, root = n_of_label.sum(), np.sqrt(n_of_label)[:, None]
    within = energy - np.square(sums / root).sum()
    noise = np.sqrt(max(within, 0.0) / max(1, n_trials - len(n_of_label)) / sums.shape[1])
    centre = n_of_label @ vectors / n_trials
    left, size, right = np.linalg.svd(root * (vectors - centre), full_matrices=False)
    nonzero = size > max(1e-6 * size[0], 1e-6)
    if noise == 0 or not nonzero.any():
        raise ValueError("all trials of a label or the vectors of all labels are the same; look at signals and targets")
    left, size, right = left[:, nonzero], size[nonzero], right[nonzero]
    difference = sums / root - root * (sums.sum(axis=0) / n_trials)
    weights = posterior_map(left.T @ difference / noise, size, 1.0, gain / noise, n_channels)
    vector_weights = right.T @ weights
    strongest = float(np.square((vectors - centre) @ vector_weights).sum(axis=1).max())
    return EvokedModel(centre, vector_weights, size[:, None] * weights, strongest, float(noise))


def posterior_map(
    projected: np.ndarray, size: np.ndarray, noise: float, gain: np.ndarray, n_channels: int
) -> np.ndarray:
    """Posterior mean of the weights (d, k) of d directions of the vectors with singular values `size` (d,).

    `projected` (d, k) is size * weights + white noise of variance `noise`. `gain` (k, k), symmetric, maps bumps to that
    space.
    """
    n_bumps = len(gain) // n_channels
    power = max(1e-3, ((projected**2).sum() - projected.size * noise) / (size**2).sum())
    space, time = np.eye(n_channels), np.eye(n_bumps) * power / np.trace(gain @ gain)
    for _ in range(STEPS):
        prior = np.kron(space, time)
        mean, variance, values, axes = posterior(projected, size, noise, gain @ prior @ gain)
        back = prior @ gain @ axes / values  # from that space to bumps
        inside = (mean.T @ mean + np.diag(variance)) / len(size) - np.diag(values)
        second = (prior + back @ inside @ back.T).reshape((n_channels, n_bumps) * 2)
        for _ in range(2):
            space = np.einsum("atbu,tu->ab", second, inverse(time)) / n_bumps
            space *= n_channels / np.trace(space)
            time = np.einsum("atbu,ab->tu", second, inverse(space)) / n_channels
    mean, _, _, axes = posterior(projected, size, noise, gain @ np.kron(space, time) @ gain)
    weights: np.ndarray = mean @ axes.T
    return weights


def posterior(
    projected: np.ndarray, size: np.ndarray, noise: float, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean weights (d, k) along the prior's axes, summed variances (k,), the prior's variances (k,), and the axes."""
    values, axes = np.linalg.eigh(prior)
    values = values.clip(1e-12)
    spread = size[:, None] ** 2 * values + noise
    return size[:, None] * values / spread * (projected @ axes), (values * noise / spread).sum(axis=0), values, axes


def inverse(covariance: np.ndarray) -> np.ndarray:
    """Inverse of a covariance that may have directions without variance."""
    return np.linalg.inv(covariance + 1e-9 * np.trace(covariance) * np.eye(len(covariance)))
