"""The best linear answer to the zero-shot task: how vectors become responses is learned in closed form, then matched.

Trial = response linear in the vector + Gaussian noise. The noise is measured within concepts; the response is a sum of
bumps in time on every channel, whose weights have a Gaussian prior that is the same for every direction of the vectors:
a covariance over channels times one over time (as a few sources with time courses give), found by
expectation-maximisation (Dempster, Laird and Rubin, 1977). What trials do not tell is thereby left at zero.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from benchmarks.zero_shot_shown import Shown
from benchmarks.zero_shot_simulation import WINDOW_S
from training.windows import windows_of

N_BUMPS = 16  # 10 smooth the response away, 24 give nothing
FIRST_S, LAST_S, WIDENING_S = 0.06, 0.75, 0.15  # centres of the bumps, even in log(time + WIDENING_S)
RIDGE = 1e-3  # of the noise's mean variance: above 40 Hz the preprocessing leaves nothing to divide by
STEPS = 30


@dataclass(frozen=True)
class Linear:
    """Trials and vectors in one space, in which the noise is white."""

    mean: np.ndarray  # (n_values,) of the windows
    filters: np.ndarray  # (n_values, k)
    of_vectors: np.ndarray  # (D, k)
    centre: np.ndarray  # (D,) of the vectors

    def embed(self, shown: Shown, groups: np.ndarray | None) -> np.ndarray:
        """Filtered windows and a one, float32 (n, k + 1): averaging before or after is the same."""
        windows, _ = windows_of(shown.segments, shown.front.preprocess.config.sfreq, WINDOW_S)
        parts = np.array_split(windows.reshape(len(windows), -1), 1 + len(windows) // 1000)
        filtered = np.concatenate([(part - self.mean) @ self.filters for part in parts])
        found = np.hstack([filtered, np.ones((len(filtered), 1))]).astype(np.float32)
        return found if groups is None else found[groups].mean(axis=1)

    def gallery(self, vectors: np.ndarray) -> np.ndarray:
        """Expected responses and minus half their squared length: the inner product is the log-likelihood."""
        response = (vectors - self.centre) @ self.of_vectors
        return np.hstack([response, -0.5 * (response**2).sum(axis=1, keepdims=True)])


def learn_linear(shown: Shown, seed: int) -> Linear:
    """Learn from every trial at once; nothing is drawn, so `seed` changes nothing."""
    sfreq = shown.front.preprocess.config.sfreq
    windows, labels = windows_of(shown.segments, sfreq, WINDOW_S)
    n_channels, n_times = windows.shape[1:]
    means, noise = moments(windows.reshape(len(windows), -1), labels, len(shown.vectors))
    noise += RIDGE * np.trace(noise) / len(noise) * np.eye(len(noise))
    basis = np.kron(np.eye(n_channels), bumps(n_times, sfreq))
    matched = linalg.cho_solve(linalg.cho_factor(noise), basis)
    values, axes = np.linalg.eigh(basis.T @ matched)
    values = values.clip(values.max() * 1e-8)
    gain = axes * np.sqrt(values) @ axes.T  # from weights of bumps to a space in which the noise is white
    filters = matched @ (axes / np.sqrt(values) @ axes.T)

    vectors, mean = shown.vectors.astype(float), means.mean(axis=0)
    centre = vectors.mean(axis=0)
    left, size, right = np.linalg.svd(vectors - centre, full_matrices=False)
    kept = size > 1e-6 * size[0]
    left, size, right = left[:, kept], size[kept], right[kept]
    weights = map_of(left.T @ (means - mean) @ filters, size, 1 / shown.each, gain, n_channels)
    return Linear(mean.astype(np.float32), filters.astype(np.float32), right.T @ weights, centre)


def moments(flat: np.ndarray, labels: np.ndarray, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each label (n_labels, n_values) and covariance within labels (n_values, n_values)."""
    means, scatter = np.zeros((n_labels, flat.shape[1])), np.zeros((flat.shape[1],) * 2)
    for label in range(n_labels):
        rows = flat[labels == label].astype(float)
        means[label] = rows.mean(axis=0)
        apart = rows - means[label]
        scatter += apart.T @ apart
    return means, scatter / (len(flat) - n_labels)


def bumps(n_times: int, sfreq: float) -> np.ndarray:
    """Raised cosines (n_times, N_BUMPS), each as wide as the way to the second next: later responses are wider."""
    at = np.log(np.arange(n_times) / sfreq + WIDENING_S)
    centres = np.linspace(np.log(FIRST_S + WIDENING_S), np.log(LAST_S + WIDENING_S), N_BUMPS)
    return 0.5 * (1 + np.cos(np.clip((at[:, None] - centres) / (centres[1] - centres[0]) * np.pi / 2, -np.pi, np.pi)))


def map_of(seen: np.ndarray, size: np.ndarray, noise: float, gain: np.ndarray, n_channels: int) -> np.ndarray:
    """Weights (d, k) with which each of d directions of the vectors, of singular values `size`, gives a response.

    `seen` (d, k) is size * weights + white noise of variance `noise`; `gain` (k, k) leads from bumps to that space.
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
    return mean @ axes.T


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
