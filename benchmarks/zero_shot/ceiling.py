"""The ideal observer: a matched filter of the simulated evoked activity under the simulation's noise covariance.

Its input is raw microvolts at the amplifier's rate, before any preprocessing, so no decoder can do better.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, signal

from benchmarks.zero_shot.simulation import ConceptSession
from realtime.simulation.brain import BLINK_EVERY_S, LINE_HZ, SENSOR_UV, SimulatedBrain

# From before the onset, since that predicts slow noise, to the end of the decoders' window.
CEILING_WINDOW_S = (-0.2, 1.0)


@dataclass(frozen=True)
class IdealObserver:
    """Log-likelihood of each label of a gallery, up to a constant: window @ weights - bias."""

    weights: np.ndarray  # (n_times * n_channels, n_gallery)
    bias: np.ndarray  # (n_gallery,)
    first: int  # first sample of the window, from onset
    n_times: int

    def scores(self, session: ConceptSession) -> np.ndarray:
        """Scores (n_trials, n_gallery); those of several trials of one label are summed."""
        rows = session.onsets[:, None] + self.first + np.arange(self.n_times)
        batches = np.array_split(rows, max(1, len(rows) // 200))
        products = [session.samples[batch].reshape(len(batch), -1) @ self.weights for batch in batches]
        scores: np.ndarray = np.concatenate(products) - self.bias
        return scores


def noise_lags(brain: SimulatedBrain, n_lags: int) -> np.ndarray:
    """Covariance of the simulation's noise between channels at lags of 0.. samples, (n_lags, C, C) square microvolts.

    Exact for the filtered noises; blinks come at random (Campbell's theorem), the line's phase is unknown.
    """
    n_channels = len(brain.ch_names)
    lags = np.zeros((n_lags, n_channels, n_channels))
    lags[0] += SENSOR_UV**2 * np.eye(n_channels)
    pulse = np.zeros(2**18)
    pulse[0] = 1
    for source in brain.noise_sources.values():
        mixing = source.mixing @ source.mixing.T
        lags += _autocorrelation(signal.sosfilt(source.sos, pulse), n_lags)[:, None, None] * mixing
    blink = brain.blink_shape
    at_peak = blink[len(blink) // 2]
    direction = at_peak / np.linalg.norm(at_peak)
    strength = 0.9**2 + 0.6**2 / 12  # mean square of a blink's factor, uniform in 0.6..1.2
    power = strength / (BLINK_EVERY_S * brain.sfreq) * _autocorrelation(blink @ direction, n_lags)
    lags += power[:, None, None] * np.outer(direction, direction)
    wave = 0.5 * np.cos(2 * np.pi * LINE_HZ / brain.sfreq * np.arange(n_lags))
    lags += wave[:, None, None] * np.outer(brain.line_gain, brain.line_gain)
    return lags


def _autocorrelation(shape: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation of a shape (n,) at lags 0..n_lags - 1."""
    n = len(shape) + n_lags
    return np.fft.irfft(np.abs(np.fft.rfft(shape, 2 * n)) ** 2)[:n_lags]


def ceiling(brain: SimulatedBrain, gallery: np.ndarray) -> IdealObserver:
    """The matched filter of each label of `gallery`, whitened by the stationary noise in space and time."""
    first, end = (round(seconds * brain.sfreq) for seconds in CEILING_WINDOW_S)
    n_times, n_channels = end - first, len(brain.ch_names)
    lags = noise_lags(brain, n_times)
    lag = np.subtract.outer(np.arange(n_times), np.arange(n_times))
    # Every noise is one time course times a symmetric mixing, so a lag and its opposite have the same covariance.
    covariance = lags[np.abs(lag)].transpose(0, 2, 1, 3).reshape(n_times * n_channels, -1)
    templates = np.zeros((len(gallery), n_times, n_channels))
    for row, label in enumerate(gallery):
        evoked = brain.evoked(int(label))
        templates[row, -first : -first + len(evoked)] = evoked[: n_times + first]
    flat = templates.reshape(len(gallery), -1)
    weights = linalg.cho_solve(linalg.cho_factor(covariance, lower=True, overwrite_a=True), flat.T)
    return IdealObserver(weights.astype(np.float32), 0.5 * np.einsum("gd,dg->g", flat, weights), first, n_times)
