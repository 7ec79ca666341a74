"""Which sensor drives which: measures of a vector autoregressive model of all of them.

Entry [i, j] is what j gives to i, so that a row holds whom a sensor should listen to. Shape suffixes: C channels,
T samples, P lags, F frequencies.
"""

from collections.abc import Sequence

import numpy as np

from realtime.errors import BadInput
from training.connectivity.checks import samples_of
from training.connectivity.spectral import Band

MAX_ORDER = 8  # lags, in samples
SAMPLES_PER_WEIGHT = 10  # of one channel's equation


def granger(signals: Sequence[np.ndarray]) -> np.ndarray:
    """ln(variance without j's past / with it) of each i given all others' past, (C, C), over all frequencies at once.

    Geweke, 1984: conditional, so a chain does not show as a shortcut.
    """
    gram, order = lag_covariances(signals)
    n_channels = len(signals[0])
    past, now = gram[n_channels:, n_channels:], gram[n_channels:, :n_channels]
    found = np.zeros((n_channels, n_channels))
    weights = np.linalg.solve(past, now)
    full_C = np.diag(gram)[:n_channels] - (now * weights).sum(axis=0)
    precision = np.linalg.inv(past)
    for j in range(n_channels):
        lags = j + n_channels * np.arange(order)
        # What leaving regressors out costs: the quadratic form of their weights in the inverse of their precision.
        cost_C = (weights[lags] * np.linalg.solve(precision[np.ix_(lags, lags)], weights[lags])).sum(axis=0)
        found[:, j] = np.log1p(cost_C / full_C)
    np.fill_diagonal(found, 0.0)
    return np.maximum(found, 0.0)


def pdc(signals: Sequence[np.ndarray], sfreq: float, bands: Sequence[Band]) -> np.ndarray:
    """Partial directed coherence, mean over each band, (n_bands, C, C), 0..1 (Baccala and Sameshima, 2001).

    Signals are scaled to unit variance first, without which the louder of two channels would always seem to drive.
    """
    gram, order = lag_covariances(signals)
    n_channels = len(signals[0])
    weights = np.linalg.solve(gram[n_channels:, n_channels:], gram[n_channels:, :n_channels])
    lags_PCC = weights.reshape(order, n_channels, n_channels).transpose(0, 2, 1)  # [lag, to, from]
    found = []
    for low, high in bands:
        hz_F = np.linspace(low, min(high, sfreq / 2), 16)
        turn_FP = np.exp(-2j * np.pi * np.outer(hz_F, np.arange(1, order + 1)) / sfreq)
        a_FCC = np.eye(n_channels) - np.einsum("fp,pij->fij", turn_FP, lags_PCC)
        share_FCC = np.abs(a_FCC) / np.linalg.norm(a_FCC, axis=1, keepdims=True)
        found.append(share_FCC.mean(axis=0) * (1 - np.eye(n_channels)))
    return np.array(found)


def lag_covariances(signals: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """Products of the scaled present and past, (C * (order + 1), same), newest first; the order.

    The order, up to 8, has the least BIC of a least-squares vector autoregressive model. BadInput for fewer than ten
    samples a weight, and where channels are linear sums of others, as after an average reference.
    """
    n_channels = len(signals[0])
    n_needed = SAMPLES_PER_WEIGHT * n_channels
    n_found = samples_of(signals) - MAX_ORDER * len(signals)
    if n_found < n_needed:
        raise BadInput(
            f"connectivity: {max(n_found, 0)} samples of {n_channels} channels with a past are not enough for an "
            f"autoregressive model, {n_needed} or more are needed; add recordings to train or take fewer channels."
        )
    bound = min(MAX_ORDER, n_found // n_needed)
    mean = sum(signal.sum(axis=1, dtype=float) for signal in signals) / samples_of(signals)
    size = n_channels * (bound + 1)
    gram, n_rows = np.zeros((size, size)), 0
    for signal in signals:
        x_CT = signal - mean[:, None]
        if (n_times := x_CT.shape[1] - bound) > 0:
            seen = np.concatenate([x_CT[:, bound - lag : bound - lag + n_times] for lag in range(bound + 1)])
            gram += seen @ seen.T
            n_rows += n_times
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
        past, now = gram[lags, lags], gram[lags, :n_channels]
        residual = gram[:n_channels, :n_channels] - now.T @ np.linalg.solve(past, now)
        return float(np.linalg.slogdet(residual / n_rows)[1] + np.log(n_rows) * order * n_channels**2 / n_rows)

    order = min(range(1, bound + 1), key=bic)
    keep = n_channels * (order + 1)
    return gram[:keep, :keep], order
