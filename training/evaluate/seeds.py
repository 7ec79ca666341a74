"""Several runs of one recipe that differ in their seed, summarised as one result."""

from typing import Any

import numpy as np

from training.evaluate.intervals import over_seeds

SPREAD_KEYS = "accuracy balanced_accuracy auc top1 top5 top10 median_rank map calibration_error".split()
CURVE_KEYS = "by_time by_time_ci95 repetitions k_way".split()
SHARED_KEYS = "split streaming dataset decide_p window_s causal".split()  # equal in all runs


def combine_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means of the runs' figures; `seeds` has their spread, `runs` the figures of each run.

    Intervals over trials are averaged end by end; of permutation p-values the largest is taken.
    """
    first = runs[0]
    metrics: dict[str, Any] = {key: first[key] for key in SHARED_KEYS}
    for key, value in first.items():
        if key.endswith("permutation_p"):
            metrics[key] = max(run[key] for run in runs)
        elif (
            key in CURVE_KEYS or key.endswith("ci95") or key == "information_transfer" or isinstance(value, int | float)
        ):
            metrics.setdefault(key, _mean([run[key] for run in runs]))
    spread = {key: over_seeds([run[key] for run in runs]) for key in SPREAD_KEYS if key in first}
    for when in ("window_end", "early_stopping"):
        rates = [run["information_transfer"][when]["bits_per_min"] for run in runs]
        spread[f"bits_per_min_{when}"] = over_seeds(rates)
    return {**metrics, "seeds": {"n": len(runs), **spread}, "runs": runs}


def _mean(values: list[Any]) -> Any:
    """Mean of numbers, or of lists and dicts with the same structure; whole numbers that agree stay whole."""
    if isinstance(values[0], dict):
        return {key: _mean([value[key] for value in values]) for key in values[0]}
    if isinstance(values[0], list):
        return [_mean(list(items)) for items in zip(*values, strict=True)]
    return values[0] if all(value == values[0] for value in values) else round(float(np.mean(values)), 4)
