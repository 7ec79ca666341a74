"""Accuracy over repetitions, compared with every possible group of trials."""

from itertools import combinations

import numpy as np
import pytest

from training.evaluate.intervals import effective_wilson, wilson
from training.evaluate.ranking import label_ranks
from training.evaluate.repetitions import accuracy_by_repetitions


def noisy(n: int, n_labels: int, signal: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    truth = np.arange(n) % n_labels
    logits = np.random.default_rng(seed).standard_normal((n, n_labels))
    logits[np.arange(n), truth] += signal
    return logits, truth


def test_one_repetition_has_the_accuracy_of_single_trials():
    logits, truth = noisy(60, 3, 1.0)
    point = accuracy_by_repetitions(logits, truth)[0]
    right = label_ranks(logits, truth) == 0
    assert (point["k"], point["n_groups"]) == (1, 60)
    assert point["accuracy"] == round(right.mean(), 4)
    assert point["ci95"] == wilson(int(right.sum()), 60)


def test_random_groups_are_unbiased():
    """Six trials a label, groups of two: close to the mean over all fifteen pairs of each."""
    logits, truth = noisy(18, 3, 0.8)
    members = [np.flatnonzero(truth == label) for label in range(3)]
    pairs = [(label, pair) for label in range(3) for pair in combinations(members[label], 2)]
    right = [label_ranks(logits[list(pair)].mean(axis=0)[None], np.array([label]))[0] == 0 for label, pair in pairs]
    assert accuracy_by_repetitions(logits, truth)[1]["accuracy"] == pytest.approx(np.mean(right), abs=0.06)


def test_noise_averages_out_and_the_last_point_is_the_mean_of_all_trials():
    logits, truth = noisy(160, 2, 0.5)
    points = accuracy_by_repetitions(logits, truth)
    assert [point["k"] for point in points] == [1, 2, 4, 8, 16, 32, 64, 80]
    assert points[0]["accuracy"] + 0.2 < points[-1]["accuracy"]
    whole = np.stack([logits[truth == label].mean(axis=0) for label in range(2)])
    assert points[-1]["accuracy"] == (label_ranks(whole, np.arange(2)) == 0).mean()


def test_the_curve_ends_at_the_rarest_label_and_intervals_count_trials_once():
    logits, truth = noisy(40, 2, 1.0)
    truth[truth == 1] = 0
    truth[:5] = 1
    points = accuracy_by_repetitions(logits, truth)
    assert [point["k"] for point in points] == [1, 2, 4, 5]
    assert points[2]["n_groups"] == 35 // 4 + 5 // 4
    assert points[-1]["ci95"] == effective_wilson(points[-1]["accuracy"], 35 // 5 + 1)


def test_constant_or_nan_logits_gain_nothing():
    truth = np.arange(16) % 2
    for dead in (0.0, np.nan):
        assert {point["accuracy"] for point in accuracy_by_repetitions(np.full((16, 2), dead), truth)} == {0.0}


def test_repetitions_are_the_same_every_time():
    logits, truth = noisy(40, 4, 0.5)
    assert accuracy_by_repetitions(logits, truth) == accuracy_by_repetitions(logits, truth)
