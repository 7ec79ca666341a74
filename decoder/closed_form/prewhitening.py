"""What a signal adds to its own past: a causal filter that turns coloured, correlated noise white.

Shape suffixes: C channels, P taps of the past.
"""

from collections.abc import Sequence

import numpy as np

HALF_SHRINKAGE_SAMPLES = (
    46_000  # samples, six minutes at 128 Hz: of so much signal drawing half way did best on real recordings
)
MIN_RIDGE = 1e-3  # above a low-pass there is nothing to divide by, however long the recordings


def fit_prewhitening(signals: Sequence[np.ndarray], order: int, doubt: float | None = None) -> np.ndarray:
    """Taps (C, C, order + 1), newest sample last, whose output is white and of unit variance.

    A vector autoregression solved from lag covariances (Luetkepohl, New Introduction to Multiple Time Series Analysis,
    2005, ch. 3). Minutes of signal cannot pay for its C * C * order weights, hours can: `doubt`, 1 for no signal and 0
    for any amount (None: by the number of samples), is how far lag covariances are drawn towards one autocorrelation
    shared by all channels. A fifth of it is the white noise added, as a share of the mean variance, which also covers
    the frequencies a filter took out, and how far the residual's covariance is shrunk. ValueError where the signals
    are too short or hold no variance.
    """
    n_channels = signals[0].shape[0]
    lags = np.zeros((order + 1, n_channels, n_channels))
    n_times = sum(signal.shape[1] for signal in signals)
    if n_times < 10 * n_channels * order:
        raise ValueError(
            f"{n_times} training samples, needs {10 * n_channels * order} or more for an autoregression of order "
            f"{order} over {n_channels} channels; train on more recordings or lower the order"
        )
    doubt = HALF_SHRINKAGE_SAMPLES / (HALF_SHRINKAGE_SAMPLES + n_times) if doubt is None else doubt
    shrinkage = 0.2 * doubt
    for signal in signals:
        x = signal.astype(float)
        for lag in range(min(order + 1, x.shape[1])):
            lags[lag] += x[:, lag:] @ x[:, : x.shape[1] - lag].T / n_times
    power = np.trace(lags[0]) / n_channels
    if not np.isfinite(power) or power <= 0:
        raise ValueError(f"the training signals have power {power:g}, needs more than 0; look for a flat recording")
    shared = np.trace(lags, axis1=1, axis2=2) / np.trace(lags[0])
    lags = (1 - doubt) * lags + doubt * shared[:, None, None] * lags[0]
    lags[0] += max(MIN_RIDGE, 0.2 * doubt) * power * np.eye(n_channels)
    past = np.block([[lags[j - i] if j >= i else lags[i - j].T for j in range(order)] for i in range(order)])
    now = np.concatenate(list(lags[1:]), axis=1)
    weights = np.linalg.solve(past, now.T).T  # of x[t - 1], x[t - 2], ...
    residual = lags[0] - weights @ now.T
    residual = (1 - shrinkage) * residual + shrinkage * np.trace(residual) / n_channels * np.eye(n_channels)
    values, vectors = np.linalg.eigh((residual + residual.T) / 2)
    whiten = vectors / np.sqrt(values) @ vectors.T
    taps = np.concatenate(
        [np.eye(n_channels)[None], -weights.reshape(n_channels, order, n_channels).transpose(1, 0, 2)]
    )
    return np.stack([whiten @ tap for tap in taps[::-1]], axis=-1)
