"""Accuracy over time since onset, and what early stopping gains and costs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.evaluate.ranking import label_ranks

N_TIMES = 10  # points of the curve of accuracy over time
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # of confidence; the bundle's own is added


def last_hops(trial: np.ndarray, n_trials: int) -> np.ndarray:
    """Row of each trial's last hop, -1 for a trial without any."""
    rows = np.full(n_trials, -1)
    inside = np.flatnonzero(trial >= 0)
    rows[trial[inside]] = inside  # later hops overwrite earlier ones
    return rows


def first_hops(trial: np.ndarray, n_trials: int) -> np.ndarray:
    """Row of each trial's first hop, -1 for a trial without any."""
    rows = last_hops(trial[::-1], n_trials)
    return np.where(rows < 0, -1, len(trial) - 1 - rows)


def trial_answers(
    since_onset_s: np.ndarray, trial: np.ndarray, label: np.ndarray, window_s: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Which trials have an answer (n_trials,) bool, and the hop of each answer.

    A trial's answer is its last decision inside the window, or before the next onset if that comes first.
    """
    scored = np.where((since_onset_s >= window_s[0]) & (since_onset_s <= window_s[1]), trial, -1)
    rows = last_hops(scored, len(label))
    valid = (rows >= 0) & (label >= 0)
    return valid, rows[valid]


def accuracy_over_time(
    p: np.ndarray, since_onset_s: np.ndarray, trial: np.ndarray, label: np.ndarray, window_s: tuple[float, float]
) -> list[dict[str, float]]:
    """Accuracy of the newest decision at `N_TIMES` times since onset; a trial without one yet is wrong."""
    valid, _ = trial_answers(since_onset_s, trial, label, window_s)
    points = []
    for t in np.linspace(window_s[0], window_s[1], N_TIMES + 1)[1:]:
        rows = last_hops(np.where(since_onset_s <= t + 1e-9, trial, -1), len(label))[valid]
        right = (rows >= 0) & (label_ranks(p[np.maximum(rows, 0)], label[valid]) == 0)
        points.append({"since_onset_s": round(float(t), 3), "accuracy": round(float(right.mean()), 4)})
    return points


def information_rate(accuracy: float, n_labels: int, time_s: float) -> float:
    """Bits a minute of one answer every `time_s` seconds, zero at chance or below. Wolpaw et al., 2000.

    The formula assumes that labels are equally likely and errors evenly spread over the others.
    """
    if n_labels < 2 or time_s <= 0 or accuracy <= 1 / n_labels:
        return 0.0
    wrong = 1 - accuracy
    loss_bits = wrong * np.log2(wrong / (n_labels - 1)) if wrong > 0 else 0.0
    return round(float(60 / time_s * (np.log2(n_labels) + accuracy * np.log2(accuracy) + loss_bits)), 3)


def early_stopping(
    p: np.ndarray,
    since_onset_s: np.ndarray,
    trial: np.ndarray,
    label: np.ndarray,
    window_s: tuple[float, float],
    thresholds: Sequence[float],
) -> list[dict[str, Any]]:
    """Figures of answering the first time that confidence reaches a threshold, as live, for each of `thresholds`.

    `accuracy` and `mean_time_s` are over all trials: one that never reaches the threshold answers at the window's end.
    """
    valid, rows = trial_answers(since_onset_s, trial, label, window_s)
    truth, confidence = label[valid], p.max(axis=1)
    points = []
    for threshold in sorted(set(thresholds)):
        confident = (confidence >= threshold) & (since_onset_s <= window_s[1])
        first = first_hops(np.where(confident, trial, -1), len(label))[valid]
        decided = first >= 0
        right = label_ranks(p[np.where(decided, first, rows)], truth) == 0
        time_s = np.where(decided, since_onset_s[first], window_s[1])
        accuracy, mean_s = float(right.mean()), float(time_s.mean())
        points.append(
            {
                "threshold": threshold,
                "decided": round(float(decided.mean()), 4),
                "decided_accuracy": round(float(right[decided].mean()), 4) if decided.any() else None,
                "decided_time_s": round(float(time_s[decided].mean()), 4) if decided.any() else None,
                "accuracy": round(accuracy, 4),
                "mean_time_s": round(mean_s, 4),
                "bits_per_min": information_rate(accuracy, p.shape[1], mean_s),
            }
        )
    return points
