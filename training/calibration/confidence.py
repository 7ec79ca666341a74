"""Confidence that means what it says: the scale on inner products, fitted on validation trials.

Guo et al., ICML 2017.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from realtime.bundle.calibration import Calibration
from realtime.recordings.recording import Recording
from training.evaluate.decode import DecodedHops, decode_recordings
from training.evaluate.encoders import torch_encoder
from training.evaluate.whole_windows import decode_windows
from training.runs.run import Run

# Of a normal prior on every parameter, in nats: a dozen trials without one error must not claim certainty.
PRIOR_SD = 0.7


def fit_confidence(run: Run, recordings: list[Recording]) -> Calibration:
    """Fit the run's calibration on `recordings`, which training has not seen; without any, the neutral one."""
    if not any(recording.markers for recording in recordings):
        return Calibration()
    if not run.streaming:
        return fit_cued(decode_windows(run, recordings), run.description.window_s[1])
    network, bank = run.load_trained()
    front, window_s = run.make_frontend(), run.description.window_s[1]
    encode = torch_encoder(network, streaming=False)
    cued = decode_recordings(recordings, front, bank, encode)
    uncued = decode_recordings(recordings, front, bank, encode, cued=False)
    fitted = fit_cued(cued, window_s)
    return replace(fitted, uncued_log_scale=fit_uncued(uncued))


def fit_cued(decoded: DecodedHops, window_s: float) -> Calibration:
    """The scale and its growth over the trial that make the true labels most likely, each trial counting once."""
    inside, target, weight = _scored(decoded)

    def loss(parameters: np.ndarray) -> float:
        fit = Calibration(log_scale=parameters[0], log_growth=parameters[1])
        inner = decoded.logits[inside] * fit.scale(decoded.since_onset_s[inside], window_s)[:, None]
        return _nll(inner, target, weight) + _prior(parameters)

    best = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return Calibration(log_scale=float(best[0]), log_growth=float(best[1]), n_trials=round(weight.sum()))


def fit_uncued(decoded: DecodedHops) -> float:
    """Log of the scale where the onset is not told, from the same trials."""
    inside, target, weight = _scored(decoded)

    def loss(parameters: np.ndarray) -> float:
        return _nll(decoded.logits[inside] * np.exp(parameters[0]), target, weight) + _prior(parameters)

    return float(minimize(loss, np.zeros(1), method="Nelder-Mead").x[0])


def _scored(decoded: DecodedHops) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hops inside trials whose label the bank has, the label of each, and its weight, 1 over the hops of its trial."""
    inside = (decoded.trial >= 0) & (decoded.label[np.maximum(decoded.trial, 0)] >= 0)
    _, trial, counts = np.unique(decoded.trial[inside], return_inverse=True, return_counts=True)
    return inside, decoded.label[decoded.trial[inside]], 1 / counts[trial]


def _nll(inner: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (logsumexp(inner, axis=1) - inner[np.arange(len(inner)), target]))


def _prior(parameters: np.ndarray) -> float:
    return float(np.sum(np.square(parameters)) / (2 * PRIOR_SD**2))
