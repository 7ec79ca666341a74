"""Augmentation of training crops; every kind is off unless its field is set.

There are no sign flips and no Fourier surrogates: they destroy the evoked signal by which labels differ.
"""

import numpy as np
from pydantic.dataclasses import dataclass

from decoder.config import STRICT, Amount

SMOOTHING_SAMPLES = 5  # SAMGA's and NeuroBridge's, at 250 Hz


@dataclass(frozen=True, config=STRICT)
class Augment:
    """How strong each kind is."""

    channel_dropout: Amount = 0.0  # probability that a channel is silent in a crop
    amplitude: Amount = 0.0  # sd of the log of a crop's gain
    noise: Amount = 0.0  # sd of added white noise, of each channel's own sd
    smoothing: Amount = 0.0  # probability that a crop is smoothed by a trailing mean of 5 samples

    def __call__(self, signal_CT: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The signal changed, float32 (C, T); a kind that is off draws nothing from `rng`."""
        if self.smoothing and rng.random() < self.smoothing:
            padded = np.pad(signal_CT, ((0, 0), (SMOOTHING_SAMPLES - 1, 0)), mode="edge")
            signal_CT = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHING_SAMPLES, axis=1).mean(axis=-1)
        if self.noise:
            sd_C1 = signal_CT.std(axis=1, keepdims=True)
            signal_CT = signal_CT + self.noise * sd_C1 * rng.standard_normal(signal_CT.shape)
        if self.amplitude:
            signal_CT = signal_CT * np.exp(self.amplitude * rng.standard_normal())
        if self.channel_dropout:
            signal_CT = signal_CT * (rng.random((len(signal_CT), 1)) >= self.channel_dropout)
        return np.asarray(signal_CT, np.float32)
