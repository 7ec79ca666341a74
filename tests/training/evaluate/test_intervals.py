"""Intervals beside scipy and by hand; a permutation p that chance alone seldom makes small."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from training.evaluate.intervals import N_PERMUTATIONS, balanced_wilson, bootstrap, over_seeds, permutation_p, wilson


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_the_interval_is_scipys_wilson_interval(n, share):
    hits = round(share * n)
    want = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx([want.low, want.high], abs=1e-4)


def test_the_interval_of_balanced_accuracy_is_wilsons_where_labels_are_equally_common_and_wider_elsewhere():
    shares = np.array([0.8, 0.6])
    assert balanced_wilson(shares, np.array([20, 20])) == wilson(0.7, 40)
    low, high = balanced_wilson(shares, np.array([36, 4]))
    assert (low, high) == tuple(wilson(0.7, 4 / (1 / 36 + 1 / 4)))
    assert low < wilson(0.7, 40)[0] < wilson(0.7, 40)[1] < high


def test_the_bootstrap_of_a_mean_is_that_of_the_normal_distribution_and_the_same_every_time():
    values = np.random.default_rng(1).standard_normal(400)
    found = bootstrap(values, lambda drawn: float(drawn.mean()))
    half = 1.96 * values.std() / 20
    assert found == pytest.approx([values.mean() - half, values.mean() + half], abs=0.01)
    assert bootstrap(values, lambda drawn: float(drawn.mean())) == found


def test_over_seeds_by_hand_and_beside_scipy():
    found = over_seeds([0.5, 0.6, 0.7])
    want = student.interval(0.95, 2, loc=0.6, scale=0.1 / np.sqrt(3))
    assert (found["mean"], found["sd"]) == (0.6, 0.1)
    assert found["ci95"] == pytest.approx(want, abs=1e-4)


def test_the_permutation_p_is_the_share_of_all_orders_that_do_as_well():
    """Five trials, every order counted: seeded draws come close."""
    truth, told = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 0])

    def accuracy(labels: np.ndarray) -> float:
        return float((labels == told).mean())

    exact = np.mean([accuracy(np.array(order)) >= 0.8 for order in permutations(truth)])
    assert permutation_p(accuracy, truth, np.zeros(5, int)) == pytest.approx(exact, abs=0.03)


def test_labels_stay_within_their_recording():
    """Each recording shows one label, so no shuffle changes anything: knowing the recording proves nothing."""
    truth = np.repeat([0, 1], 20)
    told = truth.copy()
    assert permutation_p(lambda labels: float((labels == told).mean()), truth, truth) == 1.0
    mixed = permutation_p(lambda labels: float((labels == told).mean()), truth, np.zeros(40, int))
    assert mixed == pytest.approx(1 / (N_PERMUTATIONS + 1), abs=1e-5)


def test_chance_alone_gives_a_small_p_seldom():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(60):
        truth, told = rng.permutation(np.arange(24) % 4), rng.integers(4, size=24)
        p.append(permutation_p(lambda labels, told=told: float((labels == told).mean()), truth, np.zeros(24, int)))
    assert np.mean(np.array(p) < 0.05) < 0.12
    assert min(p) > 0
