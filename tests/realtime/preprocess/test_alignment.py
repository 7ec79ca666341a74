"""Running whitening is causal, exact for any chunking, and aligns sessions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.preprocess.alignment import RunningWhitening
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig


def session(mixing: np.ndarray, n_s: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_s * 32, len(mixing))) @ mixing


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=8))
def test_however_it_is_cut_no_bit_changes(cuts):
    layer, x = RunningWhitening(32.0, 20.0), session(np.array([[1.0, 0.5], [0.0, 1.0]]), 7)[:200]
    whole, end = layer.step(x, layer.start(2))
    state, parts = layer.start(2), []
    for part in np.split(x, sorted(cuts)):
        y, state = layer.step(part, state)
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert all(np.array_equal(state[key], end[key]) for key in end)


def test_a_sample_changes_the_whitening_from_the_next_second_on():
    layer, x = RunningWhitening(32.0, 20.0), session(np.eye(2), 3)
    other = x.copy()
    other[40] += 100
    one, two = (layer.step(signal, layer.start(2))[0] for signal in (x, other))
    np.testing.assert_array_equal(one[:40], two[:40])
    np.testing.assert_array_equal(one[41:64], two[41:64])
    assert not np.allclose(one[64:], two[64:])


def test_sessions_with_different_mixing_are_aligned():
    """Uncorrelated, of one variance, except for the shrinkage and the first seconds."""
    found = []
    for seed, mixing in enumerate(([[1.0, 0.6], [0.0, 0.5]], [[0.7, -0.5], [0.2, 1.2]])):
        x = session(np.array(mixing), 90, seed)
        layer = RunningWhitening(32.0, 60.0)
        y, _ = layer.step(x, layer.start(2))
        found.append((np.cov(x[960:].T), np.cov(y[960:].T)))
    before, after = (np.abs(found[0][i] - found[1][i]).max() for i in (0, 1))
    assert after < 0.2 < 0.4 < before


def test_the_memory_fades():
    """After a change of mixing, a short memory has forgotten the first state of things."""
    layer = RunningWhitening(32.0, 5.0)
    x = np.concatenate([session(10 * np.eye(2), 30), session(np.eye(2), 30, seed=1)])
    y, _ = layer.step(x, layer.start(2))
    np.testing.assert_allclose(y[-320:].std(axis=0), 1, rtol=0.2)


def test_silence_stays_silent():
    layer = RunningWhitening(32.0, 5.0)
    y, state = layer.step(np.zeros((320, 3)), layer.start(3))
    assert not y.any()
    assert np.isfinite(state["whitening"]).all()


def test_alignment_is_optional_and_survives_a_gap():
    config = PreprocessConfig(highpass_hz=None, lowpass_hz=None, sfreq=32.0, reference="none", align_s=30.0)
    aligned = Preprocess(config, ("a", "b"), 32.0)
    x = session(np.array([[1.0, 0.9], [0.0, 0.3]]), 120)
    y, state = aligned.step(x, aligned.start())
    assert abs(np.corrcoef(x[1920:].T)[0, 1]) > 0.9 > 0.3 > abs(np.corrcoef(y[1920:].T)[0, 1])
    np.testing.assert_array_equal(aligned.resume(state)["align.whitening"], state["align.whitening"])
    plain = Preprocess(PreprocessConfig(highpass_hz=None, lowpass_hz=None, sfreq=32.0), ("a", "b"), 32.0)
    assert not [key for key in plain.start() if key.startswith("align")]
