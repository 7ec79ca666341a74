"""How strongly sensors are coupled without saying which drives which: one matrix a band, every measure of one spectrum.

Textbook forms, as listed in Chiarion et al., Bioengineering 10(3):372, 2023. Correlation, coherence and PLV count what
reaches two sensors at once, so they mostly redraw distance; the imaginary part, PLI and wPLI do not. Shape suffixes:
W windows, C channels, F frequencies, T samples.
"""

from collections.abc import Callable, Sequence

import numpy as np

from realtime.errors import BadInput
from training.connectivity.checks import samples_of

WINDOW_S = 1.0  # of the spectra, so 1 Hz apart; half overlapping
MIN_WINDOWS = 30  # of n unrelated windows PLV is about 1/sqrt(n): 0.18 here

Band = tuple[float, float]  # Hz, both ends counted


def spectra(signals: Sequence[np.ndarray], sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Fourier coefficients of Hann windows of the signals (C, T): complex (W, C, F), and the frequencies in Hz.

    BadInput where fewer than 30 windows fit.
    """
    n_window = round(WINDOW_S * sfreq)
    starts = [(signal, at) for signal in signals for at in range(0, signal.shape[1] - n_window + 1, n_window // 2)]
    if len(starts) < MIN_WINDOWS:
        raise BadInput(
            f"connectivity: {len(starts)} windows of {WINDOW_S:g} s fit into {samples_of(signals)} samples at "
            f"{sfreq:g} Hz, {MIN_WINDOWS} or more are needed; add recordings to train, or take kind distance."
        )
    windows = np.stack([signal[:, at : at + n_window] for signal, at in starts]).astype(float)
    windows -= windows.mean(axis=-1, keepdims=True)
    return np.fft.rfft(windows * np.hanning(n_window + 1)[:-1], axis=-1), np.fft.rfftfreq(n_window, 1 / sfreq)


def correlation(z_WCF: np.ndarray) -> np.ndarray:
    """Size of Pearson's correlation of the signals filtered to the band."""
    cross_CC = np.einsum("wif,wjf->ij", z_WCF, z_WCF.conj()).real
    power_C = np.diag(cross_CC)
    return np.abs(cross_CC) / np.sqrt(np.outer(power_C, power_C))


def coherence(z_WCF: np.ndarray) -> np.ndarray:
    """Squared size of coherency, mean over frequencies."""
    return (np.abs(coherency(z_WCF)) ** 2).mean(axis=0)


def imaginary_coherence(z_WCF: np.ndarray) -> np.ndarray:
    """Size of the imaginary part of coherency: what reaches two sensors at once has none (Nolte et al., 2004)."""
    return np.abs(coherency(z_WCF).imag).mean(axis=0)


def coherency(z_WCF: np.ndarray) -> np.ndarray:
    """Cross-spectrum over the root of both powers, complex (F, C, C)."""
    z_FWC = z_WCF.transpose(2, 0, 1)
    cross_FCC = z_FWC.transpose(0, 2, 1) @ z_FWC.conj()
    power_FC = np.einsum("fii->fi", cross_FCC).real
    return cross_FCC / np.sqrt(power_FC[:, :, None] * power_FC[:, None])


def plv(z_WCF: np.ndarray) -> np.ndarray:
    """How constant the phase difference is (Lachaux et al., 1999)."""
    size_WCF = np.abs(z_WCF)
    phase_FWC = (z_WCF / np.where(size_WCF > 0, size_WCF, 1.0)).transpose(2, 0, 1)  # a stretch of zeros has none
    return np.abs(phase_FWC.transpose(0, 2, 1) @ phase_FWC.conj()).mean(axis=0) / len(z_WCF)


def pli(z_WCF: np.ndarray) -> np.ndarray:
    """How often one leads the other rather than follows (Stam et al., 2007)."""
    return _lag(z_WCF, lambda imaginary_WCF: np.abs(np.sign(imaginary_WCF).mean(axis=0)))


def wpli(z_WCF: np.ndarray) -> np.ndarray:
    """The same, each window weighted by how far from zero lag it is (Vinck et al., 2011)."""

    def weighted(imaginary_WCF: np.ndarray) -> np.ndarray:
        size_CF = np.abs(imaginary_WCF).mean(axis=0)
        return np.abs(imaginary_WCF.mean(axis=0)) / np.where(size_CF > 0, size_CF, 1.0)

    return _lag(z_WCF, weighted)


def _lag(z_WCF: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`measure` of the imaginary cross-spectra with each channel in turn: all pairs at once would fill the memory."""
    conjugate_WCF = z_WCF.conj()
    rows = [measure((z_WCF[:, i, None] * conjugate_WCF).imag).mean(axis=-1) for i in range(z_WCF.shape[1])]
    for i, row in enumerate(rows):
        row[i] = 0.0  # rounding leaves signs
    return np.array(rows)


SPECTRAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "correlation": correlation,
    "coherence": coherence,
    "imaginary_coherence": imaginary_coherence,
    "plv": plv,
    "pli": pli,
    "wpli": wpli,
}


def spectral(kind: str, signals: Sequence[np.ndarray], sfreq: float, bands: Sequence[Band]) -> np.ndarray:
    """An undirected measure in each band, (n_bands, C, C), 0..1, its diagonal zero."""
    z_WCF, hz_F = spectra(signals, sfreq)
    found = []
    for low, high in bands:
        inside = (hz_F >= low) & (hz_F <= high) & (hz_F > 0) & (hz_F < sfreq / 2)
        if not inside.any():
            raise BadInput(
                f"connectivity: band {low:g} to {high:g} Hz holds none of the frequencies {hz_F[1]:g}, {hz_F[2]:g} .. "
                f"{hz_F[-2]:g} Hz of a signal at {sfreq:g} Hz, one or more are needed; widen or move it."
            )
        found.append(SPECTRAL[kind](z_WCF[..., inside]))
    matrices = np.clip(np.array(found), 0.0, 1.0)
    matrices[:, np.arange(matrices.shape[1]), np.arange(matrices.shape[1])] = 0.0
    return matrices
