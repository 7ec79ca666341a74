"""Runs that differ in their seed as one result: means by hand, nothing pooled that has no mean."""

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from tests.training.evaluate.test_figures import decided
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
    found = [all_figures(decided(4, s), Calibration(), (0.0, 1.0), tuple("abcd")) for s in (1.0, 2.0, 3.0)]
    return [one | SAME | {"path": f"run{i}"} for i, one in enumerate(found)]


def test_the_figures_are_means_and_their_spread_stands_beside(runs):
    found = combine_seeds(runs)
    accuracies = [run["accuracy"] for run in runs]
    assert len(set(accuracies)) == 3
    assert found["accuracy"] == round(float(np.mean(accuracies)), 4)
    assert found["seeds"]["accuracy"] == over_seeds(accuracies)
    assert found["seeds"]["n"] == 3
    assert found["by_time"][4]["accuracy"] == pytest.approx(
        np.mean([r["by_time"][4]["accuracy"] for r in runs]), abs=1e-4
    )
    assert found["ci95"] == pytest.approx(np.mean([run["ci95"] for run in runs], axis=0), abs=1e-4)
    assert found["runs"] == runs


def test_what_is_the_same_stays_as_it_is_and_trials_are_not_counted_twice(runs):
    found = combine_seeds(runs)
    assert {key: found[key] for key in SAME} == SAME
    assert (found["n_trials"], found["n_labels"], found["chance"]) == (40, 4, 0.25)
    assert [point["k"] for point in found["repetitions"]] == [1, 2, 4, 8, 10]


def test_the_worst_p_is_told(runs):
    assert combine_seeds(runs)["permutation_p"] == max(run["permutation_p"] for run in runs)


def test_what_has_no_mean_stands_only_with_its_run(runs):
    found = combine_seeds(runs)
    for key in ("confusion", "reliability", "rank_histogram", "early_stopping", "path"):
        assert key not in found
        assert key in found["runs"][0]


def test_every_key_that_scripts_rely_on_is_there(runs):
    promised = "accuracy balanced_accuracy top1 top5 chance n_trials ci95 streaming by_time".split()
    assert set(promised) <= combine_seeds(runs).keys()
