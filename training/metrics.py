"""Figures from decisions: accuracies with intervals beside chance. Knows no files and no networks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from realtime.evidence import Calibration
from training.decode import Decoded
from training.intervals import N_BOOTSTRAP, balanced_wilson, permutation_p, wilson
from training.over_time import THRESHOLDS, answers, by_time, early_stopping, information_rate
from training.reliability import calibration_error, reliability
from training.repetitions import repetitions
from training.retrieval import named, ranks, retrieval

LARGEST_MATRIX = 20  # labels; of more, the pairs most often confused are told
N_PAIRS = 20


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive trial scores above a negative one; NaN never does."""
    score = np.where(np.isnan(score), np.where(positive, -np.inf, np.inf), score)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    ordered = rankdata(score)
    return float((ordered[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def auc_interval(score: np.ndarray, positive: np.ndarray) -> list[float]:
    """95 % interval of the AUC over trials drawn again within each class, seeded.

    Trials told apart without an error give the same area however they are drawn; Wilson's interval of the rarer
    class's count is then the honest one.
    """
    if (area := auc(score, positive)) in (0, 1):
        return wilson(area, min(int(positive.sum()), int((~positive).sum())))
    rng = np.random.default_rng(0)
    yes, no = score[positive], score[~positive]
    flags = np.arange(len(score)) < len(yes)
    drawn = [
        auc(np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))]), flags) for _ in range(N_BOOTSTRAP)
    ]
    return [round(float(edge), 4) for edge in np.quantile(drawn, [0.025, 0.975])]


def confusion(answer: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """What was named for what was shown, from the named label of each trial (-1: none).

    Up to `LARGEST_MATRIX` labels: `counts[true][named]`, and the trials of each label that named none. Always: the
    pairs most often confused.
    """
    wrong = Counter((int(t), int(a)) for t, a in zip(truth, answer, strict=True) if a not in (t, -1))
    shown = np.bincount(truth, minlength=len(names))
    pairs = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:N_PAIRS]
    found: dict[str, Any] = {
        "confused_pairs": [
            {"true": names[t], "named": names[a], "n": n, "share": round(n / int(shown[t]), 4)} for (t, a), n in pairs
        ]
    }
    if len(names) <= LARGEST_MATRIX:
        counts = np.zeros((len(names), len(names) + 1), int)
        np.add.at(counts, (truth, answer), 1)  # -1 is the last column
        found["confusion"] = {
            "labels": list(names),
            "counts": counts[:, :-1].tolist(),
            "none_named": counts[:, -1].tolist(),
        }
    return found


def figures(
    p: np.ndarray, since_onset_s: np.ndarray, trial: np.ndarray, label: np.ndarray, window_s: tuple[float, float]
) -> dict[str, Any]:
    """The figures that probabilities (n_hops, n_labels) and the true label of each trial give.

    A trial's answer is its last decision inside the window, or before the next onset if that comes first.
    """
    n_labels = p.shape[1]
    kept, rows = answers(since_onset_s, trial, label, window_s)
    truth, answer = label[kept], p[rows]
    n = len(truth)
    rank = ranks(answer, truth)
    correct = rank == 0
    shown, counts = np.unique(truth, return_counts=True)
    shares = np.array([correct[truth == k].mean() for k in shown])
    found: dict[str, Any] = {
        "accuracy": round(float(correct.mean()), 4),
        "ci95": wilson(float(correct.mean()), n),
        "balanced_accuracy": round(float(shares.mean()), 4),
        "balanced_accuracy_ci95": balanced_wilson(shares, counts),
        "majority": round(float(counts.max() / n), 4),  # accuracy of always naming the commonest label
        "n_trials": n,
        "n_labels": n_labels,
        **retrieval(rank, n_labels),
        "calibration_error": round(calibration_error(answer.max(axis=1), correct), 4),
        "reliability": reliability(answer.max(axis=1), correct),
    }
    if n_labels == 2 and len(shown) == 2:
        found["auc"] = round(auc(answer[:, 1], truth == 1), 4)
        found["auc_ci95"] = auc_interval(answer[:, 1], truth == 1)
    found["by_time"] = by_time(p, since_onset_s, trial, label, window_s)
    found["by_time_ci95"] = [wilson(point["accuracy"], n) for point in found["by_time"]]
    return found


def all_figures(
    decoded: Decoded, calibration: Calibration, window_s: tuple[float, float], names: Sequence[str]
) -> dict[str, Any]:
    """Every figure of `glimpse evaluate`: `figures`, and those that take more than probabilities."""
    p, since, trial, label = decoded.p(calibration, window_s[1]), decoded.since_onset_s, decoded.trial, decoded.label
    found = figures(p, since, trial, label, window_s)
    kept, rows = answers(since, trial, label, window_s)
    truth, told, recording = label[kept], named(p[rows]), decoded.recording[rows]
    found |= confusion(told, truth, names)
    found["permutation_p"] = permutation_p(lambda shuffled: float((told == shuffled).mean()), truth, recording)
    if "auc" in found:
        score = p[rows, 1]
        found["auc_permutation_p"] = permutation_p(lambda shuffled: auc(score, shuffled == 1), truth, recording)
    found["repetitions"] = repetitions(decoded.inner[rows], truth)
    own = calibration.decide_p
    found["decide_p"] = own
    found["early_stopping"] = early_stopping(p, since, trial, label, window_s, (*THRESHOLDS, own))
    stopped = next(point for point in found["early_stopping"] if point["threshold"] == own)
    whole = information_rate(found["accuracy"], p.shape[1], window_s[1])
    found["information_transfer"] = {
        "window_end": {"time_s": window_s[1], "bits_per_min": whole},
        "early_stopping": {"time_s": stopped["mean_time_s"], "bits_per_min": stopped["bits_per_min"]},
    }
    return found
