"""Intervals compared with theory and by hand; the permutation p is uniform under chance."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from training.evaluate.intervals import (
    N_PERMUTATIONS,
    balanced_wilson,
    bootstrap,
    effective_wilson,
    over_seeds,
    permutation_p,
    wilson,
)


def test_wilson_by_hand():
    """7 of 10; the ends of Wilson's interval, and those of nothing and of everything right."""
    assert wilson(7, 10) == [0.3968, 0.8922]
    assert wilson(0, 10) == [0.0, 0.2775]
    assert wilson(10, 10) == [0.7225, 1.0]


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_the_interval_of_an_effective_number_equals_scipys_for_whole_numbers(n, share):
    n_right = round(share * n)
    assert effective_wilson(n_right / n, n) == pytest.approx(wilson(n_right, n), abs=1e-4)


@given(n=st.floats(1, 1e5), share=st.floats(0, 1))
def test_the_interval_of_an_effective_number_contains_the_share(n, share):
    low, high = effective_wilson(share, n)
    assert 0 <= low <= round(share, 4) <= high <= 1


def test_balanced_accuracy_has_wilsons_interval_for_equal_counts_else_a_wider_one():
    shares = np.array([0.8, 0.6])
    assert balanced_wilson(shares, np.array([20, 20])) == wilson(28, 40)
    low, high = balanced_wilson(shares, np.array([36, 4]))
    assert [low, high] == effective_wilson(0.7, 4 / (1 / 36 + 1 / 4))
    assert low < wilson(28, 40)[0] < wilson(28, 40)[1] < high


def test_the_bootstrap_of_a_mean_follows_the_normal_distribution_and_is_reproducible():
    values = np.random.default_rng(1).standard_normal(400)
    interval = bootstrap([values], np.mean)
    half = 1.96 * values.std() / 20
    assert interval == pytest.approx([values.mean() - half, values.mean() + half], abs=0.01)
    assert bootstrap([values], np.mean) == interval


def test_the_bootstrap_resamples_each_sample_by_itself():
    few, many = np.array([0.0, 1.0]), np.arange(50.0)
    low, high = bootstrap([few, many], lambda a, b: len(a) + len(b) / 100)
    assert low == high == 2.5


def test_the_bootstrap_of_one_trial_is_the_statistic_itself():
    assert bootstrap([np.array([3.0])], np.mean) == [3.0, 3.0]


def test_over_seeds_by_hand_and_compared_with_scipy():
    summary = over_seeds([0.5, 0.6, 0.7])
    want = student.interval(0.95, 2, loc=0.6, scale=0.1 / np.sqrt(3))
    assert (summary["mean"], summary["sd"]) == (0.6, 0.1)
    assert summary["ci95"] == pytest.approx(want, abs=1e-4)


def test_the_permutation_p_is_the_share_of_all_orders_that_score_as_high():
    """Five trials, every order counted: seeded draws come close."""
    truth, answer = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 0])

    def accuracy(labels: np.ndarray) -> float:
        return float((labels == answer).mean())

    exact = np.mean([accuracy(np.array(order)) >= 0.8 for order in permutations(truth)])
    assert permutation_p(accuracy, truth, np.zeros(5, int)) == pytest.approx(exact, abs=0.03)


def test_labels_are_shuffled_within_their_recording_only():
    """Each recording shows one label, so no shuffle changes anything: knowing the recording proves nothing."""
    truth = np.repeat([0, 1], 20)
    answer = truth.copy()
    assert permutation_p(lambda labels: float((labels == answer).mean()), truth, truth) == 1.0
    mixed = permutation_p(lambda labels: float((labels == answer).mean()), truth, np.zeros(40, int))
    assert mixed == pytest.approx(1 / (N_PERMUTATIONS + 1), abs=1e-5)


def test_the_permutation_p_is_rarely_small_by_chance():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(60):
        truth, answer = rng.permutation(np.arange(24) % 4), rng.integers(4, size=24)
        p.append(
            permutation_p(lambda labels, answer=answer: float((labels == answer).mean()), truth, np.zeros(24, int))
        )
    assert np.mean(np.array(p) < 0.05) < 0.12
    assert min(p) > 0


def test_recordings_need_not_be_in_order_for_the_permutation_p():
    """Trials of two recordings in turn, each recording with one label: no shuffle changes anything."""
    truth = np.tile([0, 1], 20)
    assert permutation_p(lambda labels: float((labels == truth).mean()), truth, truth) == 1.0
    assert permutation_p(lambda labels: 1.0, np.array([1]), np.array([0])) == 1.0
