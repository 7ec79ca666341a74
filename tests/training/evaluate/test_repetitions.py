"""Adding up trials of one label, beside every group there is."""

from itertools import combinations

import numpy as np
import pytest

from training.evaluate.intervals import wilson
from training.evaluate.ranking import label_ranks
from training.evaluate.repetitions import accuracy_by_repetitions


def noisy(n: int, n_labels: int, signal: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(n) % n_labels
    inner = np.random.default_rng(seed).standard_normal((n, n_labels))
    inner[np.arange(n), truth] += signal
    return inner, truth


def test_one_trial_is_the_accuracy_itself():
    inner, truth = noisy(60, 3, 1.0)
    point = accuracy_by_repetitions(inner, truth)[0]
    right = (label_ranks(inner, truth) == 0).mean()
    assert (point["k"], point["n_groups"]) == (1, 60)
    assert point["accuracy"] == round(right, 4)
    assert point["ci95"] == wilson(right, 60)


def test_groups_are_drawn_fairly():
    """Six trials a label, groups of two: close to the mean over all fifteen pairs of each."""
    inner, truth = noisy(18, 3, 0.8)
    members = [np.flatnonzero(truth == label) for label in range(3)]
    pairs = [(label, pair) for label in range(3) for pair in combinations(members[label], 2)]
    right = [label_ranks(inner[list(pair)].mean(axis=0)[None], np.array([label]))[0] == 0 for label, pair in pairs]
    assert accuracy_by_repetitions(inner, truth)[1]["accuracy"] == pytest.approx(np.mean(right), abs=0.06)


def test_noise_averages_out_and_all_trials_together_are_the_mean_of_all():
    inner, truth = noisy(160, 2, 0.5)
    points = accuracy_by_repetitions(inner, truth)
    assert [point["k"] for point in points] == [1, 2, 4, 8, 16, 32, 64, 80]
    assert points[0]["accuracy"] + 0.2 < points[-1]["accuracy"]
    whole = np.stack([inner[truth == label].mean(axis=0) for label in range(2)])
    assert points[-1]["accuracy"] == (label_ranks(whole, np.arange(2)) == 0).mean()


def test_the_rarest_label_says_how_far_the_curve_goes_and_intervals_count_trials_once():
    inner, truth = noisy(40, 2, 1.0)
    truth[truth == 1] = 0
    truth[:5] = 1
    points = accuracy_by_repetitions(inner, truth)
    assert [point["k"] for point in points] == [1, 2, 4, 5]
    assert points[2]["n_groups"] == 35 // 4 + 5 // 4
    assert points[-1]["ci95"] == wilson(points[-1]["accuracy"], 35 // 5 + 1)


def test_a_network_that_says_nothing_gains_nothing():
    truth = np.arange(16) % 2
    for dead in (0.0, np.nan):
        assert {point["accuracy"] for point in accuracy_by_repetitions(np.full((16, 2), dead), truth)} == {0.0}


def test_the_same_figures_every_time():
    inner, truth = noisy(40, 4, 0.5)
    assert accuracy_by_repetitions(inner, truth) == accuracy_by_repetitions(inner, truth)
