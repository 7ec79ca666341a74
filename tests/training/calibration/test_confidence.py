"""Calibration: the scale it finds on data whose scale is known, and what little data may claim."""

import numpy as np
import pytest
from scipy.special import softmax

from realtime.bundle.calibration import Calibration
from training.calibration.confidence import PRIOR_SD, fit_cued, fit_uncued
from training.evaluate.decode import DecodedHops
from training.evaluate.reliability import calibration_error

WINDOW_S, N_HOPS, N_LABELS = 1.0, 8, 4


def drawn(n_trials: int, truth: Calibration, seed: int = 0, n_hops: int = N_HOPS) -> DecodedHops:
    """Trials whose labels are drawn with exactly the probabilities that `truth` gives at the window's end."""
    rng = np.random.default_rng(seed)
    since = np.linspace(1 / n_hops, 1, n_hops) * WINDOW_S
    base = rng.standard_normal((n_trials, N_LABELS))
    label = np.array([rng.choice(N_LABELS, p=p) for p in softmax(base * truth.scale(since[-1], WINDOW_S), axis=-1)])
    inner = np.concatenate([np.tile(row, (n_hops, 1)) for row in base])
    return decoded(inner, np.tile(since, n_trials), np.repeat(np.arange(n_trials), n_hops), label)


def decoded(inner: np.ndarray, since: np.ndarray, trial: np.ndarray, label: np.ndarray) -> DecodedHops:
    n = len(inner)
    return DecodedHops(
        np.zeros((n, 2), np.float32), inner.astype(np.float32), since, trial, np.arange(n), trial * 0, label
    )


@pytest.mark.parametrize("log_scale", [-0.7, 0.0, 0.9])
def test_the_fit_recovers_the_scale_of_the_data(log_scale):
    data = drawn(1500, Calibration(log_scale=log_scale), n_hops=1)
    assert fit_cued(data, WINDOW_S).log_scale == pytest.approx(log_scale, abs=0.15)
    assert fit_uncued(data) == pytest.approx(log_scale, abs=0.15)


def test_confidence_grows_over_the_trial_where_the_evidence_does():
    """Early hops are noise, late ones are right: the factor rises with every step of time."""
    rng = np.random.default_rng(0)
    label = rng.integers(N_LABELS, size=200)
    since = np.tile(np.linspace(0.1, 1, N_HOPS), len(label))
    trial = np.repeat(np.arange(len(label)), N_HOPS)
    inner = rng.standard_normal((len(trial), N_LABELS))
    inner[np.arange(len(trial)), label[trial]] += 2.5 * since
    fitted = fit_cued(decoded(inner, since, trial, label), WINDOW_S)
    assert fitted.log_growth > 0.2
    assert (np.diff(fitted.scale(np.linspace(0, WINDOW_S, 30), WINDOW_S)) > 0).all()
    assert fitted.n_trials == 200


def test_twelve_correct_trials_give_a_finite_scale():
    label = np.arange(12) % 2
    trial = np.repeat(np.arange(12), N_HOPS)
    inner = np.where(np.arange(2) == label[trial][:, None], 1.5, -1.5)
    perfect = decoded(inner, np.tile(np.linspace(0.1, 1, N_HOPS), 12), trial, label)
    fitted = fit_cued(perfect, WINDOW_S)
    assert 0.95 < perfect.p(fitted, WINDOW_S).max() < 0.9999
    assert abs(fitted.log_scale) < 3 * PRIOR_SD
    assert abs(fit_uncued(perfect)) < 3 * PRIOR_SD


@pytest.mark.parametrize("log_scale", [-0.8, 0.8])
def test_the_calibration_error_falls_on_trials_the_fit_has_not_seen(log_scale):
    truth = Calibration(log_scale=log_scale)
    fitted = fit_cued(drawn(600, truth, seed=1), WINDOW_S)
    fresh = drawn(3000, truth, seed=2)
    last = np.arange(N_HOPS - 1, len(fresh.trial), N_HOPS)
    errors = []
    for calibration in (Calibration(), fitted):
        p = fresh.p(calibration, WINDOW_S)[last]
        errors.append(calibration_error(p.max(axis=1), p.argmax(axis=1) == fresh.label))
    assert errors[1] < 0.5 * errors[0]


def test_long_and_short_trials_have_equal_weight():
    """Two trials, one right for 1 hop, one wrong for 50: neither side wins by its number of hops."""
    trial = np.array([0] + [1] * 50)
    inner = np.tile([1.0, -1.0], (51, 1))
    data = decoded(inner, np.full(51, WINDOW_S), trial, np.array([0, 1]))
    assert fit_uncued(data) == pytest.approx(
        fit_uncued(decoded(inner[:2], np.ones(2), trial[:2], np.array([0, 1]))), abs=1e-3
    )


def test_hops_outside_trials_and_of_labels_the_bank_lacks_are_left_out():
    good = drawn(50, Calibration(), n_hops=1)
    more = decoded(
        np.concatenate([good.logits, [[9, 0, 0, 0]] * 3]),
        np.concatenate([good.since_onset_s, [-1, 1, -1]]),
        np.concatenate([good.trial, [-1, 50, -1]]),
        np.concatenate([good.label, [-1]]),
    )
    assert fit_cued(more, WINDOW_S) == fit_cued(good, WINDOW_S)
