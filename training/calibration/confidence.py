"""Fits the factor on the logits that makes confidence match accuracy, on validation trials.

Guo et al., ICML 2017.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from realtime.bundle.calibration import Calibration
from realtime.recordings.recording import Recording
from training.evaluate.decode import DecodedHops, decode_recordings
from training.evaluate.encoders import torch_encoder
from training.evaluate.whole_windows import decode_windows
from training.runs.ensemble import join_runs
from training.runs.run import Run

# Of a normal prior on every parameter, in nats: a dozen trials without one error must not give certainty.
PRIOR_SD = 0.7


def fit_confidence(run: Run, recordings: list[Recording]) -> Calibration:
    """The run's calibration, fitted on `recordings` that it was not trained on; without any, the neutral one."""
    if not any(recording.markers for recording in recordings):
        return Calibration()
    if not run.streaming:
        return fit_cued(decode_windows(run, recordings), run.description.window_s[1])
    network, bank = run.load_trained()
    frontend, window_s = run.make_frontend(), run.description.window_s[1]
    encode = torch_encoder(network, streaming=False)
    cued = decode_recordings(recordings, frontend, bank, encode)
    uncued = decode_recordings(recordings, frontend, bank, encode, cued=False)
    return replace(fit_cued(cued, window_s), uncued_log_scale=fit_uncued(uncued))


def join_calibrated(runs: Sequence[Run], folder: Path, recordings: list[Recording]) -> Run:
    """The runs joined to one in `folder`, with its confidence fitted on `recordings` if there are any."""
    run = join_runs(runs, folder)
    if recordings:
        run.description = replace(run.description, calibration=asdict(fit_confidence(run, recordings)))
        run.save()
    return run


def fit_cued(decoded: DecodedHops, window_s: float) -> Calibration:
    """The scale and its growth over the trial that make the true labels most likely; trials have equal weight."""
    inside, target, weight = _labelled_hops(decoded)

    def loss(parameters: np.ndarray) -> float:
        calibration = Calibration(log_scale=parameters[0], log_growth=parameters[1])
        scale = calibration.scale(decoded.since_onset_s[inside], window_s)
        return _nll(decoded.logits[inside] * scale[:, None], target, weight) + _prior(parameters)

    best = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return Calibration(log_scale=float(best[0]), log_growth=float(best[1]), n_trials=round(weight.sum()))


def fit_uncued(decoded: DecodedHops) -> float:
    """Log of the scale without a known onset, from the same trials."""
    inside, target, weight = _labelled_hops(decoded)

    def loss(parameters: np.ndarray) -> float:
        return _nll(decoded.logits[inside] * np.exp(parameters[0]), target, weight) + _prior(parameters)

    return float(minimize(loss, np.zeros(1), method="Nelder-Mead").x[0])


def _labelled_hops(decoded: DecodedHops) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hops inside trials whose label the bank has, the label of each, and its weight, 1 over the hops of its trial."""
    inside = (decoded.trial >= 0) & (decoded.label[np.maximum(decoded.trial, 0)] >= 0)
    _, trial, n_hops = np.unique(decoded.trial[inside], return_inverse=True, return_counts=True)
    return inside, decoded.label[decoded.trial[inside]], 1 / n_hops[trial]


def _nll(logits: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (logsumexp(logits, axis=1) - logits[np.arange(len(logits)), target]))


def _prior(parameters: np.ndarray) -> float:
    return float(np.sum(np.square(parameters)) / (2 * PRIOR_SD**2))
