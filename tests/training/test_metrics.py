"""The figures, beside scipy, beside counting by hand, and never from a decision that came too late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from training.metrics import auc, auc_interval, calibration_error, figures, last_hops, ranks, wilson


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_the_interval_is_scipys_wilson_interval(n, share):
    hits = round(share * n)
    want = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits / n, n) == pytest.approx([want.low, want.high], abs=1e-4)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: 0 < sum(positive for _, positive in rows) < len(rows)
    )
)
def test_auc_counts_pairs_and_a_tie_is_half_a_pair(rows):
    score, positive = np.array([s for s, _ in rows], float), np.array([p for _, p in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert auc(score, positive) == pytest.approx(np.mean(pairs))


def test_the_auc_interval_holds_the_auc_and_is_the_same_every_time():
    rng = np.random.default_rng(0)
    positive = np.arange(60) % 2 == 0
    score = rng.standard_normal(60) + positive
    low, high = auc_interval(score, positive)
    assert low < auc(score, positive) < high
    assert auc_interval(score, positive) == [low, high]


def test_calibration_error_by_hand():
    """Two bins: 0.95 sure and right half of the time, 0.55 sure and always right."""
    p, correct = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, False, True, True])
    assert calibration_error(p, correct) == pytest.approx(0.5 * 0.45 + 0.5 * 0.45)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_a_network_that_says_nothing_scores_nothing():
    """Equal probabilities and NaN count as wrong, not as right."""
    truth = np.array([0, 1, 2])
    assert ranks(np.full((3, 3), 1 / 3), truth).tolist() == [2, 2, 2]
    assert ranks(np.full((3, 3), np.nan), truth).tolist() == [2, 2, 2]
    assert ranks(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), truth).tolist() == [0, 1, 2]


def test_the_last_hop_of_a_trial():
    assert last_hops(np.array([-1, 0, 0, -1, 2, 2, 2]), 4).tolist() == [2, -1, 6, -1]


def told(answers: list[list[int]], since: list[list[float]], n_labels: int = 2) -> tuple[np.ndarray, ...]:
    """Probabilities, times and trials of hops that answer as listed, trial after trial."""
    flat = [label for trial in answers for label in trial]
    p = np.full((len(flat), n_labels), 0.4 / (n_labels - 1))
    p[np.arange(len(flat)), flat] = 0.6
    trial = np.repeat(np.arange(len(answers)), [len(a) for a in answers])
    return p, np.array([t for trial in since for t in trial]), trial


def test_accuracy_at_a_time_uses_no_later_decision():
    """A trial right from 0.5 s on: wrong until then. One without a decision yet is wrong."""
    p, since, trial = told([[0, 0, 1], [1]], [[0.1, 0.3, 0.5], [0.95]])
    curve = figures(p, since, trial, np.array([1, 1]), (0.0, 1.0))["by_time"]
    assert [point["since_onset_s"] for point in curve] == pytest.approx(np.arange(1, 11) / 10)
    assert [point["accuracy"] for point in curve] == [0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0]


@settings(max_examples=40)
@given(data=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2)), min_size=3, max_size=40), end=st.floats(0.05, 0.95))
def test_changing_later_decisions_changes_no_earlier_point(data, end):
    since = np.sort([t for t, _ in data])
    p, _, trial = told([[label for _, label in data]], [[0.0] * len(data)], n_labels=3)
    later = p.copy()
    later[since > end] = 1 / 3
    before, after = (figures(one, since, trial, np.array([1]), (0.0, 1.0))["by_time"] for one in (p, later))
    assert [a for a in before if a["since_onset_s"] <= end] == [a for a in after if a["since_onset_s"] <= end]


def test_the_answer_is_the_last_decision_inside_the_window():
    p, since, trial = told([[0, 1, 0], [1, 0]], [[0.2, 0.8, 1.4], [0.3, 1.2]])
    found = figures(p, since, trial, np.array([1, 1]), (0.0, 1.0))
    assert (found["accuracy"], found["n_trials"]) == (1.0, 2)
    late = figures(p, since, trial, np.array([1, 1]), (0.5, 2.0))
    assert late["accuracy"] == 0.0


def test_top_k_balanced_accuracy_and_chance():
    """Nine trials of label 0, one of label 1, always answered 0: balanced accuracy is that of guessing."""
    p, since, trial = told([[0]] * 10, [[0.5]] * 10, n_labels=10)
    p[9, 1] = 0.5
    found = figures(p, since, trial, np.array([0] * 9 + [1]), (0.0, 1.0))
    assert (found["accuracy"], found["balanced_accuracy"], found["top1"], found["top5"]) == (0.9, 0.5, 0.9, 1.0)
    assert (found["chance"], found["chance_top5"], found["majority"]) == (0.1, 0.5, 0.9)
    assert "auc" not in found
    two = figures(*told([[0], [1]], [[0.5], [0.5]]), np.array([0, 1]), (0.0, 1.0))
    assert (two["auc"], two["chance"], two["chance_top5"]) == (1.0, 0.5, 1.0)


def test_a_trial_without_a_decision_or_without_a_known_label_is_not_counted():
    p, since, trial = told([[0], [1]], [[0.5], [0.5]])
    assert figures(p, since, trial, np.array([0, -1, 1]), (0.0, 1.0))["n_trials"] == 1
