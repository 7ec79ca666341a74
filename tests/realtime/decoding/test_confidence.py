"""Confidence is a probability that follows the time since onset, and a decided trial stays decided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from realtime.bundle.calibration import Calibration
from realtime.decoding.confidence import Confidence
from realtime.decoding.hop import TrialClock

SCORES = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=50).map(np.array)


@given(SCORES)
def test_probabilities_sum_to_one_and_keep_the_order(scores):
    p = softmax(scores, axis=-1)
    assert p.sum() == pytest.approx(1)
    assert (np.diff(p[np.argsort(scores, kind="stable")]) >= 0).all()


def run(inner_products, trials, calibration):
    evidence = Confidence(calibration, 1.0)
    state, decided = evidence.start(), []
    for inner, trial in zip(inner_products, trials, strict=True):
        cue = TrialClock() if trial is None else TrialClock(trial, 0.5)
        _, is_decided, state = evidence.step(np.array([[inner, 0.0]]), [cue], state)
        decided += is_decided.tolist()
    return decided


def test_a_decided_trial_stays_decided_and_the_next_starts_undecided():
    sure, unsure = 10.0, 0.1
    got = run([unsure, sure, unsure, unsure, sure], [0, 0, 0, 1, None], Calibration(decide_p=0.9))
    assert got == [False, True, True, False, False]


def test_a_probability_equal_to_the_threshold_decides():
    assert run([np.log(9.0) + 1e-9], [0], Calibration(decide_p=0.9)) == [True]
    assert run([np.log(9.0) - 1e-6], [0], Calibration(decide_p=0.9)) == [False]
