"""Figures of ranks: the place of the true label among all labels."""

from math import comb
from typing import Any

import numpy as np

from training.evaluate.intervals import bootstrap, wilson

K_WAY = (2, 3, 4, 5, 10, 20, 50, 100, 200)
N_RANK_BINS = 20


def label_ranks(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """0-based rank (n_trials,) of the true label; ties and NaN rank before it, so a dead network is never right."""
    ranks: np.ndarray = (~(p < p[np.arange(len(p)), truth][:, None])).sum(axis=1) - 1
    return ranks


def answered_label(p: np.ndarray) -> np.ndarray:
    """The label (n_trials,) with the largest `p` (n_trials, n_labels), -1 where a tie or a NaN leaves none."""
    best = np.where(np.isnan(p).any(axis=1), 0, p.argmax(axis=1))
    return np.where(label_ranks(p, best) == 0, best, -1)


def k_way(rank: np.ndarray, n_labels: int, k: int) -> float:
    """How often the true label beats k - 1 others chosen at random: the exact mean over all choices."""
    ranks, n_trials = np.unique(rank, return_counts=True)
    wins = [comb(n_labels - 1 - r, k - 1) / comb(n_labels - 1, k - 1) for r in ranks.tolist()]
    return float(np.average(wins, weights=n_trials))


def ranking_figures(rank: np.ndarray, n_labels: int) -> dict[str, Any]:
    """Figures of `glimpse evaluate` that follow from 0-based ranks (n_trials,) among `n_labels`."""
    n, reciprocal = len(rank), 1 / (rank + 1.0)
    metrics: dict[str, Any] = {}
    for k in (1, 5, 10):
        n_hits = int((rank < k).sum())
        metrics[f"top{k}"] = round(n_hits / n, 4)
        metrics[f"top{k}_ci95"] = wilson(n_hits, n)
        metrics["chance" if k == 1 else f"chance_top{k}"] = round(min(k / n_labels, 1.0), 4)
    return {
        **metrics,
        "median_rank": float(np.median(rank + 1)),
        "median_rank_ci95": bootstrap([rank + 1.0], lambda ranks: float(np.median(ranks))),
        "chance_median_rank": (n_labels + 1) / 2,
        "mean_rank": round(float(rank.mean() + 1), 4),
        "relative_rank": round(float(rank.mean() / max(n_labels - 1, 1)), 4),  # 0 best, 0.5 chance
        "map": round(float(reciprocal.mean()), 4),  # one true label per trial, so its precision is 1 / rank
        "map_ci95": bootstrap([reciprocal], lambda values: float(values.mean())),
        "chance_map": round(float(np.mean(1 / np.arange(1, n_labels + 1))), 4),
        "k_way": [
            {"k": k, "accuracy": round(k_way(rank, n_labels, k), 4), "chance": round(1 / k, 4)}
            for k in sorted({*K_WAY, n_labels})
            if 2 <= k <= min(n_labels, K_WAY[-1])
        ],
        "rank_histogram": rank_histogram(rank, n_labels),
    }


def rank_histogram(rank: np.ndarray, n_labels: int) -> list[dict[str, int]]:
    """Trials by the 1-based rank of their true label, in up to `N_RANK_BINS` bins from the first rank to the last."""
    edges = np.unique(np.linspace(1, n_labels + 1, min(n_labels, N_RANK_BINS) + 1).astype(int))
    return [
        {"from": int(low), "to": int(high) - 1, "n": int(((rank + 1 >= low) & (rank + 1 < high)).sum())}
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]
