"""Accuracy over repetitions: the scores of several trials of one label, averaged."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from training.evaluate.intervals import effective_wilson
from training.evaluate.ranking import label_ranks

N_DRAWS = 20  # random groupings per point


def accuracy_by_repetitions(logits: np.ndarray, truth: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy of the mean logits over k trials of one label, k = 1, 2, 4, ... and the most that every label has.

    logits: (n_trials, n_labels)  of each trial's answer; truth: (n_trials,). Every trial is in k groups of each
    grouping, so k = 1 is the accuracy itself. The interval is that of as many groups as share no trial.
    """
    n_shown = np.bincount(truth)
    most = int(n_shown[n_shown > 0].min())
    trials_of_labels = [np.flatnonzero(truth == label) for label in np.unique(truth)]
    rng = np.random.default_rng(0)
    points = []
    for k in sorted({2**i for i in range(most.bit_length())} | {most}):
        orders = [rng.permutation(trials) for _ in range(1 if k == 1 else N_DRAWS) for trials in trials_of_labels]
        rank = np.concatenate([label_ranks(_means(logits[order], k), truth[order]) for order in orders])
        top1, n_groups = float((rank == 0).mean()), int((n_shown // k).sum())
        points.append(
            {
                "k": k,
                "accuracy": round(top1, 4),
                "top5": round(float((rank < 5).mean()), 4),
                "ci95": effective_wilson(top1, n_groups),
                "n_groups": n_groups,
            }
        )
    return points


def _means(rows: np.ndarray, k: int) -> np.ndarray:
    """Means of k consecutive rows; after the last row the first one follows."""
    means: np.ndarray = sliding_window_view(np.concatenate([rows, rows[: k - 1]]), k, axis=0).mean(axis=-1)
    return means
