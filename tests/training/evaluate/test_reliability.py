"""Calibration error and its bins, by hand."""

import numpy as np
import pytest

from training.evaluate.reliability import calibration_error, reliability_bins


def test_calibration_error_by_hand():
    """Two bins: confidence 0.95 and right half of the time, confidence 0.55 and always right."""
    p, correct = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, False, True, True])
    assert calibration_error(p, correct) == pytest.approx(0.5 * 0.45 + 0.5 * 0.45)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_the_calibration_error_follows_from_the_bins():
    rng = np.random.default_rng(0)
    p = rng.random(300)
    correct = rng.random(300) < p**2
    bins = reliability_bins(p, correct)
    assert sum(b["n"] for b in bins) == 300
    error = sum(abs(b["confidence"] - b["accuracy"]) * b["n"] for b in bins) / 300
    assert calibration_error(p, correct) == pytest.approx(error, abs=1e-4)
    assert all(b["p_from"] <= b["confidence"] <= b["p_to"] for b in bins)


def test_only_bins_that_hold_a_trial_are_listed():
    [low, high] = reliability_bins(np.array([0.31, 1.0, 0.39]), np.array([True, True, False]))
    assert low == {"p_from": 0.3, "p_to": 0.4, "n": 2, "confidence": 0.35, "accuracy": 0.5}
    assert (high["p_from"], high["n"]) == (0.9, 1)


def test_a_nan_counts_as_full_confidence():
    p, correct = np.array([np.nan, np.nan]), np.array([False, False])
    assert calibration_error(p, correct) == 1
    assert reliability_bins(p, correct)[0]["n"] == 2
