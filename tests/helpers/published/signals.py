"""Simulated signals with a response to every picture."""

import hashlib
from collections.abc import Sequence

import numpy as np

CHANNELS_63 = (
    "Fp1 F3 F7 FT9 FC5 FC1 C3 T7 TP9 CP5 CP1 Pz P3 P7 O1 Oz O2 P4 P8 TP10 CP6 CP2 Cz C4 T8 FT10 FC6 FC2 F4 F8 Fp2 AF7 "
    "AF3 AFz F1 F5 FT7 FC3 FCz C1 C5 TP7 CP3 P1 P5 PO7 PO3 POz PO4 PO8 P6 P2 CPz CP4 TP8 C6 C2 FC4 FT8 F6 F2 AF4 AF8"
).split()
POSTERIOR_17 = [name for name in CHANNELS_63 if name[0] in "OP"]


def topography(picture: str, n_channels: int) -> np.ndarray:
    """Weights of a picture's response, the same wherever it is shown."""
    seed = int.from_bytes(hashlib.sha256(picture.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(n_channels)


def response(sfreq: float) -> np.ndarray:
    """A positive wave, largest 0.12 s after the onset."""
    t = np.arange(round(0.3 * sfreq)) / sfreq
    return np.exp(-(((t - 0.12) / 0.04) ** 2) / 2)


def recording(
    rows: Sequence[int], pictures: Sequence[str], n_channels: int, n_times: int, sfreq: float, seed: int = 0
) -> np.ndarray:
    """Microvolts, float32 (n_times, n_channels): noise, and a response from each row on."""
    samples = np.random.default_rng(seed).standard_normal((n_times, n_channels)).astype(np.float32) * 8
    wave = response(sfreq)
    for row, picture in zip(rows, pictures, strict=True):
        end = min(row + len(wave), n_times)
        if picture:
            samples[row:end] += (10 * wave[: end - row, None] * topography(picture, n_channels)).astype(np.float32)
    return samples
