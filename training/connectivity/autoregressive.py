"""Directed coupling from a vector autoregressive model of all sensors.

Entry [i, j] is the influence of j on i, so that a row lists the sources of one sensor. Shape suffixes: C channels,
T samples, P lags, F frequencies.
"""

from collections.abc import Sequence

import numpy as np

from realtime.errors import BadInput
from training.connectivity.checks import count_samples
from training.connectivity.spectral import Band

MAX_ORDER = 8  # lags, in samples
SAMPLES_PER_WEIGHT = 10  # of one channel's equation
N_FREQUENCIES = 16  # in each band


def granger(signals: Sequence[np.ndarray]) -> np.ndarray:
    """ln(variance of i without j's past / with it), given the past of all others, (C, C), over all frequencies.

    Conditional on the others, so a chain does not show as a shortcut. Geweke, 1984.
    """
    gram, order = lag_covariances(signals)
    n_channels = len(signals[0])
    past, past_present = gram[n_channels:, n_channels:], gram[n_channels:, :n_channels]
    coupling = np.zeros((n_channels, n_channels))
    weights = np.linalg.solve(past, past_present)
    full_C = np.diag(gram)[:n_channels] - (past_present * weights).sum(axis=0)
    precision = np.linalg.inv(past)
    for j in range(n_channels):
        lags = j + n_channels * np.arange(order)
        # The cost of leaving regressors out is the quadratic form of their weights in the inverse of their precision.
        cost_C = (weights[lags] * np.linalg.solve(precision[np.ix_(lags, lags)], weights[lags])).sum(axis=0)
        coupling[:, j] = np.log1p(cost_C / full_C)
    np.fill_diagonal(coupling, 0.0)
    return np.maximum(coupling, 0.0)


def pdc(signals: Sequence[np.ndarray], sfreq: float, bands: Sequence[Band]) -> np.ndarray:
    """Partial directed coherence, mean over each band, (n_bands, C, C), 0..1. Baccala and Sameshima, 2001.

    Signals are scaled to unit variance first. Otherwise the channel with the larger amplitude always seems to drive.
    """
    lags_PCC = lag_weights(signals)
    order, n_channels, _ = lags_PCC.shape
    coupling = []
    for low, high in bands:
        hz_F = np.linspace(low, min(high, sfreq / 2), N_FREQUENCIES)
        turn_FP = np.exp(-2j * np.pi * np.outer(hz_F, np.arange(1, order + 1)) / sfreq)
        a_FCC = np.eye(n_channels) - np.einsum("fp,pij->fij", turn_FP, lags_PCC)
        share_FCC = np.abs(a_FCC) / np.linalg.norm(a_FCC, axis=1, keepdims=True)
        coupling.append(share_FCC.mean(axis=0) * (1 - np.eye(n_channels)))
    return np.array(coupling)


def lag_weights(signals: Sequence[np.ndarray]) -> np.ndarray:
    """Weights [lag, to, from] of the autoregressive model of the signals scaled to unit variance."""
    gram, order = lag_covariances(signals)
    n_channels = len(signals[0])
    weights = np.linalg.solve(gram[n_channels:, n_channels:], gram[n_channels:, :n_channels])
    return weights.reshape(order, n_channels, n_channels).transpose(0, 2, 1)


def lag_covariances(signals: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """Products of the scaled present and past, (C * (order + 1), same), newest first; and the order.

    The order, up to `MAX_ORDER`, has the smallest BIC of a least-squares vector autoregressive model. Raises BadInput
    for fewer than ten samples a weight, and where channels are linear sums of others, as after an average reference.
    """
    n_channels = len(signals[0])
    bound = _max_order(signals)
    gram, n_rows = _lagged_products(signals, bound)
    scale = np.sqrt(np.tile(np.diag(gram)[:n_channels], bound + 1))
    gram *= n_rows / np.outer(scale, scale)
    rank = int(np.linalg.matrix_rank(gram[:n_channels, :n_channels], tol=1e-9 * n_rows, hermitian=True))
    if rank < n_channels:
        raise BadInput(
            f"connectivity: the covariance of {n_channels} channels has rank {rank}, {n_channels} is needed; some are "
            "sums of others, so drop one, or set preprocess.reference to none."
        )

    def bic(order: int) -> float:
        lags = slice(n_channels, n_channels * (order + 1))
        past, past_present = gram[lags, lags], gram[lags, :n_channels]
        residual = gram[:n_channels, :n_channels] - past_present.T @ np.linalg.solve(past, past_present)
        return float(np.linalg.slogdet(residual / n_rows)[1] + np.log(n_rows) * order * n_channels**2 / n_rows)

    order = min(range(1, bound + 1), key=bic)
    size = n_channels * (order + 1)
    return gram[:size, :size], order


def _max_order(signals: Sequence[np.ndarray]) -> int:
    """The largest order that the samples allow; raises BadInput where that is none."""
    n_channels = len(signals[0])
    n_needed = SAMPLES_PER_WEIGHT * n_channels
    n_samples = count_samples(signals) - MAX_ORDER * len(signals)
    if n_samples < n_needed:
        raise BadInput(
            f"connectivity: {max(n_samples, 0)} samples of {n_channels} channels with a past are not enough for an "
            f"autoregressive model, {n_needed} or more are needed; add recordings to train or drop channels."
        )
    return min(MAX_ORDER, n_samples // n_needed)


def _lagged_products(signals: Sequence[np.ndarray], order: int) -> tuple[np.ndarray, int]:
    """Sum of products of present and past around the mean, and the number of samples in it."""
    mean = sum(signal.sum(axis=1, dtype=float) for signal in signals) / count_samples(signals)
    size = len(signals[0]) * (order + 1)
    gram, n_rows = np.zeros((size, size)), 0
    for signal in signals:
        x_CT = signal - mean[:, None]
        if (n_times := x_CT.shape[1] - order) > 0:
            lagged = np.concatenate([x_CT[:, order - lag : order - lag + n_times] for lag in range(order + 1)])
            gram += lagged @ lagged.T
            n_rows += n_times
    return gram, n_rows
