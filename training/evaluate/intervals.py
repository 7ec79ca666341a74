"""How uncertain a figure is: over trials, over seeds, and against chance. All draws are seeded."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

N_BOOTSTRAP = 2000
N_PERMUTATIONS = 2000  # smallest p: 1 / 2001
SEED = 0

Statistic = Callable[[np.ndarray], float]


def wilson(n_right: int, n: int) -> list[float]:
    """95 % interval of a share of `n` trials. Wilson, 1927."""
    return _rounded(stats.binomtest(n_right, n).proportion_ci(method="wilson"))


def effective_wilson(share: float, n: float) -> list[float]:
    """Wilson's 95 % interval for an effective number of trials `n`, which may be a fraction; scipy needs whole ones."""
    ratio = stats.norm.ppf(0.975) ** 2 / n
    # The ends solve (p - share)^2 = ratio p (1 - p).
    ends = np.roots([1 + ratio, -(2 * share + ratio), share**2])
    return _rounded(np.clip(np.sort(ends.real), 0, 1))


def balanced_wilson(shares: np.ndarray, n_trials: np.ndarray) -> list[float]:
    """95 % interval of the mean of `shares`, each of its own number of trials.

    This is Wilson's interval for the number of trials that gives a mean of equal shares the same variance. It is never
    empty, and equals `wilson` where the numbers are equal.
    """
    return effective_wilson(float(np.mean(shares)), len(n_trials) ** 2 / float(np.sum(1 / n_trials)))


def bootstrap(samples: Sequence[np.ndarray], statistic: Callable[..., float]) -> list[float]:
    """95 % percentile interval of `statistic(*samples)`; each sample is resampled by itself. Efron, 1979.

    A sample of one trial has no spread, so the interval is the statistic itself.
    """
    if min(map(len, samples)) < 2:
        return _rounded([statistic(*samples)] * 2)
    interval = stats.bootstrap(
        samples, statistic, vectorized=False, n_resamples=N_BOOTSTRAP, method="percentile", rng=SEED
    )
    return _rounded(interval.confidence_interval)


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and Student's 95 % interval of the mean over runs that differ in their seed."""
    n, mean, sd = len(values), float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * sd / np.sqrt(n)
    return {"mean": round(mean, 4), "sd": round(sd, 4), "ci95": _rounded([mean - half, mean + half])}


def permutation_p(statistic: Statistic, truth: np.ndarray, recording: np.ndarray) -> float:
    """How often labels shuffled within their recordings reach the statistic of `truth`: (1 + hits) / (1 + draws).

    `recording` (n_trials,) is the recording of each trial. Labels stay within their recording because they are seldom
    equally common in every one. Phipson and Smyth, 2010. scipy's `permutation_test` shuffles within samples of equal
    length only, so the shuffled labels come from here.
    """
    rng = np.random.default_rng(SEED)
    if len(truth) < 2:
        return 1.0
    by_recording = np.argsort(recording, kind="stable")

    def shuffled(size: tuple[int, int]) -> np.ndarray:
        order = np.argsort(recording + rng.random(size), axis=-1)  # recordings in turn, random order within each
        labels = np.empty(size, truth.dtype)
        labels[:, by_recording] = truth[order]
        return labels

    test = stats.monte_carlo_test(
        truth, shuffled, statistic, vectorized=False, n_resamples=N_PERMUTATIONS, alternative="greater"
    )
    return round(float(test.pvalue), 5)


def _rounded(ends: Sequence[float] | np.ndarray) -> list[float]:
    low, high = ends
    return [round(float(low), 4), round(float(high), 4)]
