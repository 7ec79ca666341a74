"""Runs that differ in their seed as one result: means by hand, and no mean of what has none."""

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from tests.helpers.decisions import growing_logits
from training.evaluate.figures import all_figures
from training.evaluate.intervals import over_seeds
from training.evaluate.seeds import combine_seeds

SAME = {
    "split": "test",
    "streaming": False,
    "dataset": "d",
    "window_s": [0.0, 1.0],
    "calibration_trials": 9,
    "causal": True,
}


@pytest.fixture(scope="module")
def runs():
    metrics = [all_figures(growing_logits(4, s), Calibration(), (0.0, 1.0), tuple("abcd")) for s in (1.0, 2.0, 3.0)]
    return [run | SAME | {"path": f"run{i}"} for i, run in enumerate(metrics)]


def test_figures_are_means_with_their_spread(runs):
    metrics = combine_seeds(runs)
    accuracies = [run["accuracy"] for run in runs]
    assert len(set(accuracies)) == 3
    assert metrics["accuracy"] == round(float(np.mean(accuracies)), 4)
    assert metrics["seeds"]["accuracy"] == over_seeds(accuracies)
    assert metrics["seeds"]["n"] == 3
    assert metrics["by_time"][4]["accuracy"] == pytest.approx(
        np.mean([r["by_time"][4]["accuracy"] for r in runs]), abs=1e-4
    )
    assert metrics["ci95"] == pytest.approx(np.mean([run["ci95"] for run in runs], axis=0), abs=1e-4)
    assert metrics["runs"] == runs


def test_shared_values_stay_and_trials_are_not_counted_twice(runs):
    metrics = combine_seeds(runs)
    assert {key: metrics[key] for key in SAME} == SAME
    assert (metrics["n_trials"], metrics["n_labels"], metrics["chance"]) == (40, 4, 0.25)
    assert [point["k"] for point in metrics["repetitions"]] == [1, 2, 4, 8, 10]


def test_seeds_report_the_largest_p_value(runs):
    assert combine_seeds(runs)["permutation_p"] == max(run["permutation_p"] for run in runs)


def test_figures_without_a_mean_stay_with_their_run(runs):
    metrics = combine_seeds(runs)
    for key in ("confusion", "reliability", "rank_histogram", "early_stopping", "path"):
        assert key not in metrics
        assert key in metrics["runs"][0]


def test_seeds_have_every_promised_key(runs):
    promised = "accuracy balanced_accuracy top1 top5 chance n_trials ci95 streaming by_time".split()
    assert set(promised) <= combine_seeds(runs).keys()
