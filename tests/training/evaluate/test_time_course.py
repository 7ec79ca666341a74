"""Early stopping and the information rate by hand; no figure uses a later decision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.decisions import decisions_of
from training.evaluate.time_course import (
    accuracy_over_time,
    early_stopping,
    first_hops,
    information_rate,
    last_hops,
    trial_answers,
)


def test_first_and_last_hop_of_each_trial():
    assert last_hops(np.array([-1, 0, 0, -1, 2, 2, 2]), 4).tolist() == [2, -1, 6, -1]
    assert first_hops(np.array([-1, 0, 0, -1, 2, 2, 2]), 4).tolist() == [1, -1, 4, -1]


def test_an_answer_is_the_last_hop_inside_the_window_of_a_trial_with_a_known_label():
    since, trial = np.array([0.2, 0.8, 1.4, 0.3, 0.5, 0.1]), np.array([0, 0, 0, 1, 2, 3])
    valid, rows = trial_answers(since, trial, np.array([0, 1, -1, 1]), (0.2, 1.0))
    assert valid.tolist() == [True, True, False, False]
    assert rows.tolist() == [1, 3]


def test_information_rate_by_hand():
    """A certain answer among 4 labels is 2 bits; one among 2 labels that is right nine times in ten is 0.531."""
    assert information_rate(1.0, 4, 2.0) == 60
    assert information_rate(0.9, 2, 1.0) == pytest.approx(60 * 0.531, abs=0.01)
    assert information_rate(0.5, 4, 1.0) == pytest.approx(60 * (2 - 1 - 0.5 * np.log2(3)), abs=1e-3)


@pytest.mark.parametrize("accuracy", [0.0, 0.1, 0.25])
def test_information_rate_at_chance_or_below_is_zero(accuracy):
    assert information_rate(accuracy, 4, 1.0) == 0
    assert information_rate(1.0, 4, 0.0) == information_rate(1.0, 1, 1.0) == 0


def trials(confidence: list[list[float]], right: list[list[bool]], since: list[float]) -> tuple[np.ndarray, ...]:
    """Probabilities of two labels, label 1 the true one of every trial."""
    p = np.array(
        [
            [1 - s, s] if r else [s, 1 - s]
            for ss, rr in zip(confidence, right, strict=True)
            for s, r in zip(ss, rr, strict=True)
        ]
    )
    trial = np.repeat(np.arange(len(confidence)), len(since))
    return p, np.tile(since, len(confidence)), trial, np.ones(len(confidence), int)


def test_early_stopping_by_hand():
    """Three trials: one decided early and wrongly, though right at the end; one late and rightly; one never."""
    sure = [[0.95, 0.99, 0.99], [0.6, 0.7, 0.92], [0.6, 0.6, 0.6]]
    right = [[False, True, True], [True, True, True], [True, True, False]]
    [point] = early_stopping(*trials(sure, right, [0.2, 0.4, 0.8]), (0.0, 1.0), (0.9,))
    assert (point["threshold"], point["decided"]) == (0.9, round(2 / 3, 4))
    assert (point["decided_accuracy"], point["decided_time_s"]) == (0.5, 0.5)
    assert point["accuracy"] == round(1 / 3, 4)
    assert point["mean_time_s"] == pytest.approx((0.2 + 0.8 + 1.0) / 3, abs=1e-4)
    assert point["bits_per_min"] == 0


def test_a_threshold_that_no_trial_reaches_answers_at_the_window_end():
    sure, right = [[0.6, 0.7], [0.6, 0.8]], [[False, True], [True, True]]
    low, high = early_stopping(*trials(sure, right, [0.2, 0.9]), (0.0, 1.0), (0.99, 0.5))
    assert (low["threshold"], low["decided"], low["accuracy"], low["decided_time_s"]) == (0.5, 1.0, 0.5, 0.2)
    assert high == {
        "threshold": 0.99,
        "decided": 0.0,
        "decided_accuracy": None,
        "decided_time_s": None,
        "accuracy": 1.0,
        "mean_time_s": 1.0,
        "bits_per_min": 60.0,
    }


def test_ties_and_nan_are_never_right_when_decided():
    p, since, trial, label = trials([[0.5], [0.9]], [[True], [True]], [0.2])
    p[1] = np.nan
    [point] = early_stopping(p, since, trial, label, (0.0, 1.0), (0.5,))
    assert (point["decided"], point["decided_accuracy"], point["accuracy"]) == (0.5, 0.0, 0.0)


def test_confidence_after_the_window_or_outside_a_trial_decides_nothing():
    p, since, trial, label = trials([[0.6, 0.99]], [[True, False]], [0.2, 1.4])
    [point] = early_stopping(p, since, trial, label, (0.0, 1.0), (0.9,))
    assert (point["decided"], point["accuracy"]) == (0.0, 1.0)
    outside = early_stopping(p[[1, 0]], np.array([-1, 0.2]), np.array([-1, 0]), label, (0.0, 1.0), (0.9,))
    assert outside[0]["decided"] == 0.0


@settings(max_examples=30)
@given(st.lists(st.lists(st.floats(0.5, 1), min_size=5, max_size=5), min_size=1, max_size=8))
def test_a_higher_threshold_never_answers_sooner_nor_decides_more(sure):
    data = trials(sure, [[True] * 5] * len(sure), [0.1, 0.2, 0.3, 0.4, 0.5])
    points = early_stopping(*data, (0.0, 0.5), (0.5, 0.6, 0.8, 0.95))
    assert all(a["mean_time_s"] <= b["mean_time_s"] for a, b in zip(points, points[1:], strict=False))
    assert all(a["decided"] >= b["decided"] for a, b in zip(points, points[1:], strict=False))


def test_accuracy_at_a_time_uses_no_later_decision():
    """A trial right from 0.5 s on: wrong until then. One without a decision yet is wrong."""
    p, since, trial = decisions_of([[0, 0, 1], [1]], [[0.1, 0.3, 0.5], [0.95]])
    curve = accuracy_over_time(p, since, trial, np.array([1, 1]), (0.0, 1.0))
    assert [point["since_onset_s"] for point in curve] == pytest.approx(np.arange(1, 11) / 10)
    assert [point["accuracy"] for point in curve] == [0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0]


@settings(max_examples=40)
@given(data=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2)), min_size=3, max_size=40), end=st.floats(0.05, 0.95))
def test_changing_later_decisions_changes_no_earlier_point(data, end):
    since = np.sort([t for t, _ in data])
    p, _, trial = decisions_of([[label for _, label in data]], [[0.0] * len(data)], n_labels=3)
    later = p.copy()
    later[since > end] = 1 / 3
    before, after = (accuracy_over_time(one, since, trial, np.array([1]), (0.0, 1.0)) for one in (p, later))
    assert [a for a in before if a["since_onset_s"] <= end] == [a for a in after if a["since_onset_s"] <= end]
