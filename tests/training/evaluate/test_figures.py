"""The figures, beside scipy, beside counting by hand, and never from a decision that came too late."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.bundle.calibration import Calibration
from tests.helpers.decisions import told
from training.evaluate.classification import auc, auc_interval, confusion
from training.evaluate.decode import DecodedHops
from training.evaluate.figures import all_figures, figures
from training.evaluate.intervals import wilson


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


def test_two_classes_told_apart_without_an_error_claim_no_certainty():
    positive = np.arange(20) < 8
    assert auc_interval(positive + 0.0, positive) == wilson(1.0, 8)


def test_a_nan_stands_on_the_wrong_side_of_the_auc():
    positive = np.array([True, True, False, False])
    assert auc(np.array([np.nan, 0.9, 0.1, 0.2]), positive) == 0.5
    assert auc(np.array([0.8, 0.9, 0.1, np.nan]), positive) == 0.5


def test_the_confusion_matrix_and_its_pairs_by_hand():
    """Of three cats one is named dog and one nothing."""
    truth, answer = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, -1, 1, 1, 1])
    found = confusion(answer, truth, ("cat", "dog", "fish"))
    assert found["confusion"]["counts"] == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert found["confusion"]["none_named"] == [1, 0, 0]
    assert found["confused_pairs"] == [
        {"true": "cat", "named": "dog", "n": 1, "share": 0.3333},
        {"true": "fish", "named": "dog", "n": 1, "share": 1.0},
    ]


def test_of_many_labels_the_most_confused_pairs_stand_for_the_matrix():
    names = tuple(f"l{i}" for i in range(48))
    truth = np.repeat(np.arange(48), 3)
    answer = np.where(np.arange(144) < 6, 40, truth)
    found = confusion(answer, truth, names)
    assert "confusion" not in found
    assert [(pair["true"], pair["named"], pair["n"]) for pair in found["confused_pairs"]] == [
        ("l0", "l40", 3),
        ("l1", "l40", 3),
    ]


def decided(n_labels: int, signal: float, n_trials: int = 40, n_hops: int = 10) -> DecodedHops:
    """Evidence that grows over a second, two recordings."""
    rng = np.random.default_rng(0)
    label = rng.permutation(np.arange(n_trials) % n_labels)
    since, trial = np.tile(np.linspace(0.1, 1, n_hops), n_trials), np.repeat(np.arange(n_trials), n_hops)
    inner = rng.standard_normal((len(trial), n_labels))
    inner[np.arange(len(trial)), label[trial]] += signal * since
    return DecodedHops(
        np.zeros((len(trial), 2), np.float32),
        inner,
        since,
        trial,
        np.arange(len(trial)),
        trial // (n_trials // 2),
        label,
    )


def test_every_figure_agrees_with_every_other():
    """The same accuracy as top-1, in the matrix, among all labels, after one repetition and if nothing stops early."""
    decoded = decided(6, 3.0)
    found = all_figures(decoded, Calibration(decide_p=0.85), (0.0, 1.0), tuple("abcdef"))
    accuracy = found["accuracy"]
    assert 0.4 < accuracy < 1
    diagonal = np.trace(found["confusion"]["counts"]) / found["n_trials"]
    counts = [bin_["n"] for bin_ in found["rank_histogram"]]
    assert accuracy == found["top1"] == diagonal == found["k_way"][-1]["accuracy"] == counts[0] / sum(counts)
    assert accuracy == found["repetitions"][0]["accuracy"] == found["by_time"][-1]["accuracy"]
    assert found["by_time_ci95"][-1] == found["ci95"] == found["top1_ci95"] == found["repetitions"][0]["ci95"]
    assert accuracy == pytest.approx(sum(b["accuracy"] * b["n"] for b in found["reliability"]) / 40, abs=1e-3)
    assert found["permutation_p"] < 0.01
    stopped = {point["threshold"]: point for point in found["early_stopping"]}
    assert found["decide_p"] == 0.85
    assert found["information_transfer"]["early_stopping"] == {
        "time_s": stopped[0.85]["mean_time_s"],
        "bits_per_min": stopped[0.85]["bits_per_min"],
    }
    assert found["information_transfer"]["window_end"]["time_s"] == 1.0


def test_a_network_of_noise_is_told_from_none_by_no_figure():
    found = all_figures(decided(2, 0.0, n_trials=200), Calibration(), (0.0, 1.0), ("a", "b"))
    for key in ("ci95", "balanced_accuracy_ci95", "auc_ci95"):
        assert found[key][0] < 0.5 < found[key][1]
    assert found["permutation_p"] > 0.05
    assert found["auc_permutation_p"] > 0.05


def test_a_network_of_nan_has_every_figure_at_its_worst():
    decoded = decided(3, 0.0)
    decoded.inner[:] = np.nan
    found = all_figures(decoded, Calibration(), (0.0, 1.0), ("a", "b", "c"))
    assert (found["accuracy"], found["median_rank"], found["relative_rank"], found["calibration_error"]) == (0, 3, 1, 1)
    assert sum(found["confusion"]["none_named"]) == 40
    assert found["permutation_p"] == 1
    assert {point["decided"] for point in found["early_stopping"]} == {0}
    json.dumps(found, allow_nan=False)
