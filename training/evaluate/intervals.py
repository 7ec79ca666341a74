"""How far a figure may be off: over trials, over seeds, and from what chance alone would give."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

N_BOOTSTRAP = 2000
N_PERMUTATIONS = 2000  # smallest p: 1 / 2001


def wilson(share: float, n: float, z: float = 1.959964) -> list[float]:
    """95 % interval of a share of `n` trials. Wilson, 1927."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return [round(float(max(0.0, centre - half)), 4), round(float(min(1.0, centre + half)), 4)]


def balanced_wilson(shares: np.ndarray, counts: np.ndarray) -> list[float]:
    """95 % interval of the mean of `shares`, each of its own count of trials.

    Wilson's, for as many trials as give a mean of equal shares the same variance: never empty, and Wilson's own where
    the counts are equal.
    """
    return wilson(float(np.mean(shares)), len(counts) ** 2 / float(np.sum(1 / counts)))


def bootstrap(values: np.ndarray, statistic: Callable[[np.ndarray], float]) -> list[float]:
    """95 % interval of a statistic over trials drawn again, seeded. Efron, 1979."""
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.choice(values, len(values))) for _ in range(N_BOOTSTRAP)]
    return [round(float(edge), 4) for edge in np.quantile(drawn, [0.025, 0.975])]


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and Student's 95 % interval of the mean over runs that differ in their seed."""
    n, mean, sd = len(values), float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(student.ppf(0.975, n - 1)) * sd / np.sqrt(n)
    return {"mean": round(mean, 4), "sd": round(sd, 4), "ci95": [round(mean - half, 4), round(mean + half, 4)]}


def permutation_p(statistic: Callable[[np.ndarray], float], truth: np.ndarray, recording: np.ndarray) -> float:
    """How often labels shuffled within their recordings do as well as the true ones, (1 + hits) / (1 + n), seeded.

    `recording` (n_trials,) ascends. Within a recording, because labels are seldom as common in every one of them.
    Phipson and Smyth, 2010.
    """
    rng = np.random.default_rng(0)
    least = statistic(truth) - 1e-12
    shuffles = (np.argsort(recording + rng.random(len(truth))) for _ in range(N_PERMUTATIONS))
    hits = sum(statistic(truth[order]) >= least for order in shuffles)
    return round((1 + hits) / (1 + N_PERMUTATIONS), 5)
