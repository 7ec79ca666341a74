"""Figures from decisions: accuracies with intervals beside chance. Knows no files and no networks."""

from typing import Any

import numpy as np
from scipy.stats import rankdata

N_TIMES = 10  # points of the accuracy-by-time curve
N_BINS = 10  # of the calibration error
N_BOOTSTRAP = 2000


def last_hops(trial: np.ndarray, n_trials: int) -> np.ndarray:
    """Row of each trial's last hop, -1 for a trial without any."""
    rows = np.full(n_trials, -1)
    inside = np.flatnonzero(trial >= 0)
    rows[trial[inside]] = inside  # later hops overwrite earlier ones
    return rows


def wilson(share: float, n: int, z: float = 1.959964) -> list[float]:
    """95 % interval of a share of `n` trials. Wilson, 1927."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return [round(float(max(0.0, centre - half)), 4), round(float(min(1.0, centre + half)), 4)]


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive trial scores above a negative one."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    ordered = rankdata(score)
    return float((ordered[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def auc_interval(score: np.ndarray, positive: np.ndarray) -> list[float]:
    """95 % interval of the AUC over trials drawn again within each class, seeded."""
    rng = np.random.default_rng(0)
    yes, no = score[positive], score[~positive]
    flags = np.arange(len(score)) < len(yes)
    drawn = [
        auc(np.concatenate([rng.choice(yes, len(yes)), rng.choice(no, len(no))]), flags) for _ in range(N_BOOTSTRAP)
    ]
    return [round(float(edge), 4) for edge in np.quantile(drawn, [0.025, 0.975])]


def ranks(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Labels placed before the true one in each row; a tie or a NaN counts against it, so a dead network scores 0."""
    return (~(p < p[np.arange(len(p)), truth][:, None])).sum(axis=1) - 1


def calibration_error(p: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error of the named label's probability over `N_BINS` equal bins. Guo et al., ICML 2017."""
    bins = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs(p[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(sum(gaps))


def figures(
    p: np.ndarray, since_onset_s: np.ndarray, trial: np.ndarray, label: np.ndarray, window_s: tuple[float, float]
) -> dict[str, Any]:
    """The figures of `glimpse evaluate`, from probabilities (n_hops, n_labels) and the true label of each trial.

    A trial's answer is its last decision inside the window, or before the next onset if that comes first.
    """
    n_labels = p.shape[1]
    scored = np.where((since_onset_s >= window_s[0]) & (since_onset_s <= window_s[1]), trial, -1)
    rows = last_hops(scored, len(label))
    kept = (rows >= 0) & (label >= 0)
    truth, answer = label[kept], p[rows[kept]]
    n = len(truth)
    rank = ranks(answer, truth)
    correct = rank == 0
    shown = np.unique(truth)
    found: dict[str, Any] = {
        "accuracy": round(float(correct.mean()), 4),
        "balanced_accuracy": round(float(np.mean([correct[truth == k].mean() for k in shown])), 4),
        "top1": round(float(correct.mean()), 4),
        "top5": round(float((rank < 5).mean()), 4),
        "chance": round(1 / n_labels, 4),
        "chance_top5": round(min(5 / n_labels, 1.0), 4),
        "majority": round(float(np.bincount(truth).max() / n), 4),  # accuracy of always naming the commonest label
        "n_trials": n,
        "ci95": wilson(float(correct.mean()), n),
        "calibration_error": round(calibration_error(answer.max(axis=1), correct), 4),
    }
    if n_labels == 2 and len(shown) == 2:
        found["auc"] = round(auc(answer[:, 1], truth == 1), 4)
        found["auc_ci95"] = auc_interval(answer[:, 1], truth == 1)
    found["by_time"] = [
        {"since_onset_s": round(float(t), 3), "accuracy": _accuracy_at(t, p, since_onset_s, trial, label, kept)}
        for t in np.linspace(window_s[0], window_s[1], N_TIMES + 1)[1:]
    ]
    return found


def _accuracy_at(
    t: float, p: np.ndarray, since: np.ndarray, trial: np.ndarray, label: np.ndarray, kept: np.ndarray
) -> float:
    """Accuracy of the newest decision at `t` seconds since onset; a trial without one yet counts as wrong."""
    rows = last_hops(np.where(since <= t + 1e-9, trial, -1), len(label))
    right = (rows[kept] >= 0) & (ranks(p[np.maximum(rows[kept], 0)], label[kept]) == 0)
    return round(float(right.mean()), 4)
