"""Prewhitening: a causal filter that makes coloured, correlated noise white, and gives what the past does not predict.

Shape suffixes: C channels, P taps of the past.
"""

from collections.abc import Sequence

import numpy as np
import torch

from decoder.linalg import inverse_sqrt

# Six minutes at 128 Hz: with so much signal a shrinkage of one half did best on real recordings.
HALF_SHRINKAGE_SAMPLES = 46_000
MIN_RIDGE = 1e-3  # above a low-pass the signal has no power, in recordings of any length


def fit_prewhitening(signals: Sequence[np.ndarray], order: int, shrinkage: float | None = None) -> np.ndarray:
    """Taps (C, C, order + 1), newest sample last, whose output is white and of unit variance.

    A vector autoregression solved from lag covariances (Luetkepohl, New Introduction to Multiple Time Series Analysis,
    2005, ch. 3). Minutes of signal are too little for its C * C * order weights, hours are enough. `shrinkage` (0 to 1;
    None: by the number of samples) is the share by which lag covariances are shrunk towards one autocorrelation shared
    by all channels. A fifth of it is the white noise added, as a share of the mean variance, which also covers
    frequencies that a filter removed, and the shrinkage of the residual's covariance. ValueError where the signals are
    too short or have no variance.
    """
    n_channels = signals[0].shape[0]
    lags = np.zeros((order + 1, n_channels, n_channels))
    n_times = sum(signal.shape[1] for signal in signals)
    if n_times < 10 * n_channels * order:
        raise ValueError(
            f"{n_times} training samples, needs {10 * n_channels * order} or more for an autoregression of order "
            f"{order} over {n_channels} channels; train on more recordings or lower the order"
        )
    if shrinkage is None:
        shrinkage = HALF_SHRINKAGE_SAMPLES / (HALF_SHRINKAGE_SAMPLES + n_times)
    for signal in signals:
        x = signal.astype(float)
        for lag in range(min(order + 1, x.shape[1])):
            lags[lag] += x[:, lag:] @ x[:, : x.shape[1] - lag].T / n_times
    power = np.trace(lags[0]) / n_channels
    if not np.isfinite(power) or power <= 0:
        raise ValueError(f"the training signals have power {power:g}, needs more than 0; look for a flat recording")
    shared = np.trace(lags, axis1=1, axis2=2) / np.trace(lags[0])
    lags = (1 - shrinkage) * lags + shrinkage * shared[:, None, None] * lags[0]
    lags[0] += max(MIN_RIDGE, 0.2 * shrinkage) * power * np.eye(n_channels)
    past = np.block([[lags[j - i] if j >= i else lags[i - j].T for j in range(order)] for i in range(order)])
    present = np.concatenate(list(lags[1:]), axis=1)
    weights = np.linalg.solve(past, present.T).T  # of x[t - 1], x[t - 2], ...
    residual = lags[0] - weights @ present.T
    whiten = inverse_sqrt(torch.as_tensor((residual + residual.T) / 2), 0.2 * shrinkage).numpy()
    taps = np.concatenate(
        [np.eye(n_channels)[None], -weights.reshape(n_channels, order, n_channels).transpose(1, 0, 2)]
    )
    return np.stack([whiten @ tap for tap in taps[::-1]], axis=-1)
