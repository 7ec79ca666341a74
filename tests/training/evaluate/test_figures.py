"""Figures by hand and by counting; none uses a decision after the window."""

import json

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from tests.helpers.decisions import decisions_of, growing_logits
from training.evaluate.figures import all_figures, figures


def test_the_answer_is_the_last_decision_inside_the_window():
    p, since, trial = decisions_of([[0, 1, 0], [1, 0]], [[0.2, 0.8, 1.4], [0.3, 1.2]])
    metrics = figures(p, since, trial, np.array([1, 1]), (0.0, 1.0))
    assert (metrics["accuracy"], metrics["n_trials"]) == (1.0, 2)
    late = figures(p, since, trial, np.array([1, 1]), (0.5, 2.0))
    assert late["accuracy"] == 0.0


def test_top_k_balanced_accuracy_and_chance():
    """Nine trials of label 0, one of label 1, always answered 0: balanced accuracy is that of guessing."""
    p, since, trial = decisions_of([[0]] * 10, [[0.5]] * 10, n_labels=10)
    p[9, 1] = 0.5
    metrics = figures(p, since, trial, np.array([0] * 9 + [1]), (0.0, 1.0))
    assert (metrics["accuracy"], metrics["balanced_accuracy"], metrics["top1"], metrics["top5"]) == (0.9, 0.5, 0.9, 1.0)
    assert (metrics["chance"], metrics["chance_top5"], metrics["majority"]) == (0.1, 0.5, 0.9)
    assert "auc" not in metrics
    two = figures(*decisions_of([[0], [1]], [[0.5], [0.5]]), np.array([0, 1]), (0.0, 1.0))
    assert (two["auc"], two["chance"], two["chance_top5"]) == (1.0, 0.5, 1.0)


def test_a_trial_without_a_decision_or_a_known_label_is_not_counted():
    p, since, trial = decisions_of([[0], [1]], [[0.5], [0.5]])
    assert figures(p, since, trial, np.array([0, -1, 1]), (0.0, 1.0))["n_trials"] == 1


def test_figures_agree_with_each_other():
    """The same accuracy as top-1, in the matrix, among all labels, after one repetition and if nothing stops early."""
    decoded = growing_logits(6, 3.0)
    metrics = all_figures(decoded, Calibration(decide_p=0.85), (0.0, 1.0), tuple("abcdef"))
    accuracy = metrics["accuracy"]
    assert 0.4 < accuracy < 1
    diagonal = np.trace(metrics["confusion"]["counts"]) / metrics["n_trials"]
    counts = [bin_["n"] for bin_ in metrics["rank_histogram"]]
    assert accuracy == metrics["top1"] == diagonal == metrics["k_way"][-1]["accuracy"] == counts[0] / sum(counts)
    assert accuracy == metrics["repetitions"][0]["accuracy"] == metrics["by_time"][-1]["accuracy"]
    assert metrics["by_time_ci95"][-1] == metrics["ci95"] == metrics["top1_ci95"] == metrics["repetitions"][0]["ci95"]
    assert accuracy == pytest.approx(sum(b["accuracy"] * b["n"] for b in metrics["reliability"]) / 40, abs=1e-3)
    assert metrics["permutation_p"] < 0.01
    stopped = {point["threshold"]: point for point in metrics["early_stopping"]}
    assert metrics["decide_p"] == 0.85
    assert metrics["information_transfer"]["early_stopping"] == {
        "time_s": stopped[0.85]["mean_time_s"],
        "bits_per_min": stopped[0.85]["bits_per_min"],
    }
    assert metrics["information_transfer"]["window_end"]["time_s"] == 1.0


def test_a_network_of_noise_is_at_chance_in_every_figure():
    metrics = all_figures(growing_logits(2, 0.0, n_trials=200), Calibration(), (0.0, 1.0), ("a", "b"))
    for key in ("ci95", "balanced_accuracy_ci95", "auc_ci95"):
        assert metrics[key][0] < 0.5 < metrics[key][1]
    assert metrics["permutation_p"] > 0.05
    assert metrics["auc_permutation_p"] > 0.05


def test_a_network_of_nan_has_the_worst_value_of_every_figure():
    decoded = growing_logits(3, 0.0)
    decoded.logits[:] = np.nan
    metrics = all_figures(decoded, Calibration(), (0.0, 1.0), ("a", "b", "c"))
    assert (metrics["accuracy"], metrics["median_rank"], metrics["relative_rank"], metrics["calibration_error"]) == (
        0,
        3,
        1,
        1,
    )
    assert sum(metrics["confusion"]["none_named"]) == 40
    assert metrics["permutation_p"] == 1
    assert {point["decided"] for point in metrics["early_stopping"]} == {0}
    json.dumps(metrics, allow_nan=False)
