"""Folds of trials, their decoding, and figures of trials that a calibration was not fitted on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.confidence import fit_cued
from training.evaluate.classification import auc
from training.evaluate.decode import DecodedHops, decode_recordings
from training.evaluate.encoders import torch_encoder
from training.evaluate.intervals import wilson
from training.evaluate.reliability import calibration_error
from training.evaluate.time_course import trial_answers
from training.runs.run import Run

FIRST_SHARE = 0.6  # of the trials of a single recording, that the fit uses while it is tested on the others


def folds(recordings: Sequence[Recording]) -> list[tuple[list[Recording], list[Recording]]]:
    """Recordings to fit to and to test on: of one recording its last trials are held out, of several each in turn.

    The held-out recording keeps the signal before them, because live the running scale has received it too.
    """
    if len(recordings) > 1:
        return [([other for other in recordings if other is not held_out], [held_out]) for held_out in recordings]
    [recording] = recordings
    n_first = round(FIRST_SHARE * len(recording.markers))
    first, last = recording.markers[:n_first], recording.markers[n_first:]
    return [([replace(recording, markers=first)], [replace(recording, markers=last)])]


def decode_folds(run: Run, recordings: Sequence[Recording], cued: bool = True) -> DecodedHops:
    """The recordings as `glimpse evaluate` decodes them."""
    network, bank = run.load_trained()
    encode, factor = torch_encoder(network, streaming=False), run.calibration.bad_channel_factor
    return decode_recordings(recordings, run.make_frontend(), bank, encode, cued=cued, bad_channel_factor=factor)


def cross_fit(held_out: DecodedHops, window_s: float) -> list[tuple[DecodedHops, Calibration]]:
    """Two halves of the trials, each with the confidence that was fitted to the other half.

    On trials that a mixing was fitted to, the confidence would be too high.
    """
    even = np.arange(len(held_out.label)) % 2 == 0
    halves = [replace(held_out, label=np.where(chosen, held_out.label, -1)) for chosen in (even, ~even)]
    return [(half, fit_cued(other, window_s)) for half, other in (halves, halves[::-1])]


def held_out_figures(run: Run, decodings: Sequence[tuple[DecodedHops, Calibration]]) -> dict[str, Any]:
    """Figures of all held-out trials together; AUC is the mean over labels of one against the others."""
    start_s, end_s = run.description.window_s
    ps, truths = [], []
    for decoded, calibration in decodings:
        answered, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, (start_s, end_s))
        ps.append(decoded.p(calibration, end_s)[rows])
        truths.append(decoded.label[answered])
    p, truth = np.concatenate(ps), np.concatenate(truths)
    if not len(truth):
        raise BadInput("calibration: no decision falls into window_s of any held-out trial; record longer trials")
    correct = p.argmax(axis=1) == truth
    areas = [auc(p[:, k], truth == k) for k in np.unique(truth) if (truth != k).any()]
    return {
        "accuracy": round(float(correct.mean()), 4),
        "ci95": wilson(int(correct.sum()), len(truth)),
        "chance": round(1 / p.shape[1], 4),
        "n_trials": len(truth),
        "auc": round(float(np.mean(areas)), 4) if areas else None,
        "log_loss": round(float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean()), 4),
        "calibration_error": round(calibration_error(p.max(axis=1), correct), 4),
    }
