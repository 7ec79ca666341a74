"""AUC, its interval and confusions by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluate.classification import auc, auc_interval, confusion
from training.evaluate.intervals import wilson


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: 0 < sum(positive for _, positive in rows) < len(rows)
    )
)
def test_auc_is_the_share_of_ordered_pairs_with_ties_as_half(rows):
    score, positive = np.array([s for s, _ in rows], float), np.array([p for _, p in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert auc(score, positive) == pytest.approx(np.mean(pairs))


def test_the_auc_interval_contains_the_auc_and_is_the_same_every_time():
    rng = np.random.default_rng(0)
    positive = np.arange(60) % 2 == 0
    score = rng.standard_normal(60) + positive
    low, high = auc_interval(score, positive)
    assert low < auc(score, positive) < high
    assert auc_interval(score, positive) == [low, high]


def test_auc_of_1_has_an_interval_below_1():
    positive = np.arange(20) < 8
    assert auc_interval(positive + 0.0, positive) == wilson(8, 8)


def test_a_nan_score_counts_against_its_class_in_the_auc():
    positive = np.array([True, True, False, False])
    assert auc(np.array([np.nan, 0.9, 0.1, 0.2]), positive) == 0.5
    assert auc(np.array([0.8, 0.9, 0.1, np.nan]), positive) == 0.5


def test_the_confusion_matrix_and_its_pairs_by_hand():
    """Of three cats one is answered dog and one has no answer."""
    truth, answer = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, -1, 1, 1, 1])
    metrics = confusion(answer, truth, ("cat", "dog", "fish"))
    assert metrics["confusion"]["counts"] == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert metrics["confusion"]["none_named"] == [1, 0, 0]
    assert metrics["confused_pairs"] == [
        {"true": "cat", "named": "dog", "n": 1, "share": 0.3333},
        {"true": "fish", "named": "dog", "n": 1, "share": 1.0},
    ]


def test_above_20_labels_only_the_most_confused_pairs_are_listed():
    names = tuple(f"l{i}" for i in range(48))
    truth = np.repeat(np.arange(48), 3)
    answer = np.where(np.arange(144) < 6, 40, truth)
    metrics = confusion(answer, truth, names)
    assert "confusion" not in metrics
    assert [(pair["true"], pair["named"], pair["n"]) for pair in metrics["confused_pairs"]] == [
        ("l0", "l40", 3),
        ("l1", "l40", 3),
    ]


def test_a_class_of_one_trial_has_an_interval():
    positive = np.array([True, False, False, False])
    assert auc_interval(np.array([0.5, 0.1, 0.2, 0.9]), positive) == wilson(1, 1)
