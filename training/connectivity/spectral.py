"""Undirected coupling of sensors: one matrix per band, all measures from the same spectra.

Textbook forms, as listed in Chiarion et al., Bioengineering 10(3):372, 2023; tests compare them with mne-connectivity.
Correlation, coherence and PLV include activity that reaches two sensors at the same time, so they mostly follow
distance; the imaginary coherence, PLI and wPLI do not. Shape suffixes: W windows, C channels, F frequencies, T samples.
"""

from collections.abc import Callable, Sequence

import numpy as np

from realtime.errors import BadInput
from training.connectivity.checks import count_samples

WINDOW_S = 1.0  # of the spectra, so one frequency per Hz; windows overlap by half
MIN_WINDOWS = 30  # the PLV of n unrelated windows is about 1/sqrt(n): 0.18 here

Band = tuple[float, float]  # Hz, both ends included


def spectra(signals: Sequence[np.ndarray], sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Fourier coefficients of Hann windows of the signals (C, T): complex (W, C, F), and the frequencies in Hz.

    Raises BadInput where fewer than `MIN_WINDOWS` windows fit.
    """
    n_window = round(WINDOW_S * sfreq)
    n_step = n_window // 2
    starts = [(signal, start) for signal in signals for start in range(0, signal.shape[1] - n_window + 1, n_step)]
    if len(starts) < MIN_WINDOWS:
        raise BadInput(
            f"connectivity: {len(starts)} windows of {WINDOW_S:g} s fit into {count_samples(signals)} samples at "
            f"{sfreq:g} Hz, {MIN_WINDOWS} or more are needed; add recordings to train, or choose kind distance."
        )
    windows = np.stack([signal[:, start : start + n_window] for signal, start in starts]).astype(float)
    windows -= windows.mean(axis=-1, keepdims=True)
    return np.fft.rfft(windows * np.hanning(n_window + 1)[:-1], axis=-1), np.fft.rfftfreq(n_window, 1 / sfreq)


def correlation(z_WCF: np.ndarray) -> np.ndarray:
    """Absolute Pearson correlation (C, C) of the signals filtered to the band."""
    cross_CC = np.einsum("wif,wjf->ij", z_WCF, z_WCF.conj()).real
    power_C = np.diag(cross_CC)
    return np.asarray(np.abs(cross_CC) / np.sqrt(np.outer(power_C, power_C)))


def coherence(z_WCF: np.ndarray) -> np.ndarray:
    """Magnitude-squared coherence (C, C), mean over frequencies."""
    return np.asarray((np.abs(coherency(z_WCF)) ** 2).mean(axis=0))


def imaginary_coherence(z_WCF: np.ndarray) -> np.ndarray:
    """Absolute imaginary coherency (C, C), zero for activity without a lag. Nolte et al., 2004."""
    return np.asarray(np.abs(coherency(z_WCF).imag).mean(axis=0))


def coherency(z_WCF: np.ndarray) -> np.ndarray:
    """Cross-spectrum divided by the root of both powers, complex (F, C, C)."""
    z_FWC = z_WCF.transpose(2, 0, 1)
    cross_FCC = z_FWC.transpose(0, 2, 1) @ z_FWC.conj()
    power_FC = np.einsum("fii->fi", cross_FCC).real
    return np.asarray(cross_FCC / np.sqrt(power_FC[:, :, None] * power_FC[:, None]))


def plv(z_WCF: np.ndarray) -> np.ndarray:
    """Phase-locking value (C, C): how constant the phase difference is. Lachaux et al., 1999."""
    size_WCF = np.abs(z_WCF)
    phase_FWC = (z_WCF / np.where(size_WCF > 0, size_WCF, 1.0)).transpose(2, 0, 1)  # zeros have no phase
    return np.asarray(np.abs(phase_FWC.transpose(0, 2, 1) @ phase_FWC.conj()).mean(axis=0) / len(z_WCF))


def pli(z_WCF: np.ndarray) -> np.ndarray:
    """Phase-lag index (C, C): how much more often one sensor leads than follows. Stam et al., 2007."""
    return _by_channel(z_WCF, lambda imaginary_WCF: np.abs(np.sign(imaginary_WCF).mean(axis=0)))


def wpli(z_WCF: np.ndarray) -> np.ndarray:
    """Weighted phase-lag index (C, C): windows weigh by their imaginary cross-spectrum. Vinck et al., 2011."""

    def weighted(imaginary_WCF: np.ndarray) -> np.ndarray:
        size_CF = np.abs(imaginary_WCF).mean(axis=0)
        return np.asarray(np.abs(imaginary_WCF.mean(axis=0)) / np.where(size_CF > 0, size_CF, 1.0))

    return _by_channel(z_WCF, weighted)


def _by_channel(z_WCF: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`measure` of the imaginary cross-spectra, one channel at a time: all pairs at once would fill the memory."""
    conjugate_WCF = z_WCF.conj()
    rows = [measure((z_WCF[:, i, None] * conjugate_WCF).imag).mean(axis=-1) for i in range(z_WCF.shape[1])]
    matrix = np.array(rows)
    np.fill_diagonal(matrix, 0.0)  # rounding leaves signs
    return matrix


SPECTRAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "correlation": correlation,
    "coherence": coherence,
    "imaginary_coherence": imaginary_coherence,
    "plv": plv,
    "pli": pli,
    "wpli": wpli,
}


def spectral(kind: str, signals: Sequence[np.ndarray], sfreq: float, bands: Sequence[Band]) -> np.ndarray:
    """An undirected measure in each band, (n_bands, C, C), 0..1, with a zero diagonal.

    Raises BadInput for a band between two frequencies.
    """
    z_WCF, hz_F = spectra(signals, sfreq)
    matrices = []
    for low, high in bands:
        inside = (hz_F >= low) & (hz_F <= high) & (hz_F > 0) & (hz_F < sfreq / 2)
        if not inside.any():
            raise BadInput(
                f"connectivity: band {low:g} to {high:g} Hz holds none of the frequencies {hz_F[1]:g}, {hz_F[2]:g} .. "
                f"{hz_F[-2]:g} Hz of a signal at {sfreq:g} Hz, one or more are needed; widen or move it."
            )
        matrix = np.clip(SPECTRAL[kind](z_WCF[..., inside]), 0.0, 1.0)
        np.fill_diagonal(matrix, 0.0)
        matrices.append(matrix)
    return np.array(matrices)
