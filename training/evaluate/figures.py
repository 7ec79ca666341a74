"""Figures of decisions: accuracies with intervals and chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from realtime.bundle.calibration import Calibration
from training.evaluate.classification import auc, auc_interval, confusion
from training.evaluate.decode import DecodedHops
from training.evaluate.intervals import balanced_wilson, permutation_p, wilson
from training.evaluate.ranking import answered_label, label_ranks, ranking_figures
from training.evaluate.reliability import calibration_error, reliability_bins
from training.evaluate.repetitions import accuracy_by_repetitions
from training.evaluate.time_course import (
    THRESHOLDS,
    accuracy_over_time,
    early_stopping,
    information_rate,
    trial_answers,
)


def figures(
    p: np.ndarray, since_onset_s: np.ndarray, trial: np.ndarray, label: np.ndarray, window_s: tuple[float, float]
) -> dict[str, Any]:
    """The figures that probabilities (n_hops, n_labels) and the true label of each trial give.

    A trial's answer is its last decision inside the window, or before the next onset if that comes first.
    """
    n_labels = p.shape[1]
    valid, rows = trial_answers(since_onset_s, trial, label, window_s)
    truth, answer = label[valid], p[rows]
    n = len(truth)
    rank = label_ranks(answer, truth)
    correct = rank == 0
    shown, n_shown = np.unique(truth, return_counts=True)
    shares = np.array([correct[truth == k].mean() for k in shown])
    metrics: dict[str, Any] = {
        "accuracy": round(float(correct.mean()), 4),
        "ci95": wilson(int(correct.sum()), n),
        "balanced_accuracy": round(float(shares.mean()), 4),
        "balanced_accuracy_ci95": balanced_wilson(shares, n_shown),
        "majority": round(float(n_shown.max() / n), 4),  # accuracy of always answering the commonest label
        "n_trials": n,
        "n_labels": n_labels,
        **ranking_figures(rank, n_labels),
        "calibration_error": round(calibration_error(answer.max(axis=1), correct), 4),
        "reliability": reliability_bins(answer.max(axis=1), correct),
    }
    if n_labels == 2 and len(shown) == 2:
        metrics["auc"] = round(auc(answer[:, 1], truth == 1), 4)
        metrics["auc_ci95"] = auc_interval(answer[:, 1], truth == 1)
    metrics["by_time"] = accuracy_over_time(p, since_onset_s, trial, label, window_s)
    metrics["by_time_ci95"] = [wilson(round(point["accuracy"] * n), n) for point in metrics["by_time"]]
    return metrics


def all_figures(
    decoded: DecodedHops, calibration: Calibration, window_s: tuple[float, float], names: Sequence[str]
) -> dict[str, Any]:
    """Every figure of `glimpse evaluate`: those of `figures`, and those that need more than probabilities."""
    p, since, trial, label = decoded.p(calibration, window_s[1]), decoded.since_onset_s, decoded.trial, decoded.label
    metrics = figures(p, since, trial, label, window_s)
    valid, rows = trial_answers(since, trial, label, window_s)
    truth, answer, recording = label[valid], answered_label(p[rows]), decoded.recording[rows]
    metrics |= confusion(answer, truth, names)
    metrics["permutation_p"] = permutation_p(lambda labels: float((answer == labels).mean()), truth, recording)
    if "auc" in metrics:
        score = p[rows, 1]
        metrics["auc_permutation_p"] = permutation_p(lambda labels: auc(score, labels == 1), truth, recording)
    metrics["repetitions"] = accuracy_by_repetitions(decoded.logits[rows], truth)
    decide_p = calibration.decide_p
    metrics["decide_p"] = decide_p
    metrics["early_stopping"] = early_stopping(p, since, trial, label, window_s, (*THRESHOLDS, decide_p))
    stopped = next(point for point in metrics["early_stopping"] if point["threshold"] == decide_p)
    at_window_end = information_rate(metrics["accuracy"], p.shape[1], window_s[1])
    metrics["information_transfer"] = {
        "window_end": {"time_s": window_s[1], "bits_per_min": at_window_end},
        "early_stopping": {"time_s": stopped["mean_time_s"], "bits_per_min": stopped["bits_per_min"]},
    }
    return metrics
