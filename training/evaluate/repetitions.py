"""What showing the same thing again is worth: evidence of several trials of a label added up."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from training.evaluate.intervals import wilson
from training.evaluate.ranking import label_ranks

N_DRAWS = 20  # random groupings a point


def accuracy_by_repetitions(inner: np.ndarray, truth: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy of the mean inner product over k trials of one label, k = 1, 2, 4, ... and the most every label has.

    inner: (n_trials, n_labels)  of each trial's answer; truth: (n_trials,). Every trial is in k groups of each draw,
    so k = 1 is the accuracy itself. The interval counts only groups that share no trial.
    """
    counts = np.bincount(truth)
    most = int(counts[counts > 0].min())
    members = [np.flatnonzero(truth == label) for label in np.unique(truth)]
    rng = np.random.default_rng(0)
    points = []
    for k in sorted({2**i for i in range(most.bit_length())} | {most}):
        draws = [[rng.permutation(group) for group in members] for _ in range(1 if k == 1 else N_DRAWS)]
        rank = np.concatenate([label_ranks(_means(inner[order], k), truth[order]) for draw in draws for order in draw])
        top1, apart = float((rank == 0).mean()), int((counts // k).sum())
        points.append(
            {
                "k": k,
                "accuracy": round(top1, 4),
                "top5": round(float((rank < 5).mean()), 4),
                "ci95": wilson(top1, apart),
                "n_groups": apart,
            }
        )
    return points


def _means(rows: np.ndarray, k: int) -> np.ndarray:
    """Means of k consecutive rows, the last ones going on at the first."""
    return sliding_window_view(np.concatenate([rows, rows[: k - 1]]), k, axis=0).mean(axis=-1)
