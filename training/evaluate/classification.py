"""Figures of classification: AUC with its interval, and confusions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from training.evaluate.intervals import bootstrap, wilson

MAX_MATRIX_LABELS = 20  # beyond, only the most frequent confusions are listed
N_PAIRS = 20


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive trial scores above a negative one; a NaN never does."""
    score = np.where(np.isnan(score), np.where(positive, -np.inf, np.inf), score)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(score)
    return float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def auc_interval(score: np.ndarray, positive: np.ndarray) -> list[float]:
    """95 % interval of the AUC over trials resampled within each class.

    Perfectly separated classes give the same area in every resample. The interval is then Wilson's for the number of
    trials of the rarer class, as it is where a class has one trial.
    """
    area, n_rarer = auc(score, positive), min(int(positive.sum()), int((~positive).sum()))
    if area in (0, 1) or n_rarer < 2:
        return wilson(round(area * n_rarer), n_rarer)

    def resampled_auc(scores_of_positive: np.ndarray, scores_of_negative: np.ndarray) -> float:
        scores = np.concatenate([scores_of_positive, scores_of_negative])
        return auc(scores, np.arange(len(scores)) < len(scores_of_positive))

    return bootstrap([score[positive], score[~positive]], resampled_auc)


def confusion(answer: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Confusions, from the answered label (n_trials,) of each trial (-1: none) and its true label.

    Always the most frequent pairs. Up to `MAX_MATRIX_LABELS` labels also the matrix, `[true][answered]`, and the
    trials of each label that have no answer.
    """
    wrong = Counter((int(t), int(a)) for t, a in zip(truth, answer, strict=True) if a not in (t, -1))
    n_shown = np.bincount(truth, minlength=len(names))
    pairs = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:N_PAIRS]
    metrics: dict[str, Any] = {
        "confused_pairs": [
            {"true": names[t], "named": names[a], "n": n, "share": round(n / int(n_shown[t]), 4)} for (t, a), n in pairs
        ]
    }
    if len(names) <= MAX_MATRIX_LABELS:
        matrix = np.zeros((len(names), len(names) + 1), int)
        np.add.at(matrix, (truth, answer), 1)  # -1 is the last column
        metrics["confusion"] = {
            "labels": list(names),
            "counts": matrix[:, :-1].tolist(),
            "none_named": matrix[:, -1].tolist(),
        }
    return metrics
