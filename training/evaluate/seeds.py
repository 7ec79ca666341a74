"""Several runs of one recipe that differ in their seed, as one result."""

from typing import Any

import numpy as np

from training.evaluate.intervals import over_seeds

SPREAD = "accuracy balanced_accuracy auc top1 top5 top10 median_rank map calibration_error".split()
CURVES = "by_time by_time_ci95 repetitions k_way".split()
WHAT = "split streaming dataset decide_p window_s causal".split()  # the same in all


def combine_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the runs' figures; `seeds` has their spread, `runs` each run's own, with what has no mean.

    `ci95` and its kind stay intervals over trials, the mean of the runs' ends; a permutation p is the worst of them.
    """
    first = runs[0]
    found: dict[str, Any] = {key: first[key] for key in WHAT}
    for key, value in first.items():
        if key.endswith("permutation_p"):
            found[key] = max(run[key] for run in runs)
        elif key in CURVES or key.endswith("ci95") or key == "information_transfer" or isinstance(value, int | float):
            found.setdefault(key, _mean([run[key] for run in runs]))
    spread = {key: over_seeds([run[key] for run in runs]) for key in SPREAD if key in first}
    for when in ("window_end", "early_stopping"):
        rates = [run["information_transfer"][when]["bits_per_min"] for run in runs]
        spread[f"bits_per_min_{when}"] = over_seeds(rates)
    return {**found, "seeds": {"n": len(runs), **spread}, "runs": runs}


def _mean(values: list[Any]) -> Any:
    """Mean of numbers, or of equally built lists and dicts of them; whole numbers that agree stay whole."""
    if isinstance(values[0], dict):
        return {key: _mean([value[key] for value in values]) for key in values[0]}
    if isinstance(values[0], list):
        return [_mean(list(items)) for items in zip(*values, strict=True)]
    return values[0] if all(value == values[0] for value in values) else round(float(np.mean(values)), 4)
