"""Figures of classification: AUC, its interval, confusion."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from training.evaluate.intervals import N_BOOTSTRAP, wilson

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
