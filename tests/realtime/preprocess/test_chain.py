"""Preprocessing is causal and does not depend on how samples are cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.preprocess.config import PreprocessConfig
from realtime.preprocess.filters import Filter, design_sections
from realtime.preprocess.non_finite_guard import NonFiniteGuard
from realtime.preprocess.resample import Resample
from realtime.preprocess.running_scale import RunningScale
from realtime.state import substate
from tests.helpers.preprocessing import RATES, chain, in_chunks, noise

CUTS = st.lists(st.integers(0, 3000), max_size=12)


def same(a, b):
    (y, state), (z, other) = a, b
    assert np.array_equal(y, z)
    assert list(state) == list(other)
    for key in state:
        assert np.array_equal(state[key], other[key]), key


STEPS = {
    "guard": NonFiniteGuard(),
    "filter": Filter(design_sections(PreprocessConfig(notch_hz=50.0), 256.0)),
    "no filter": Filter(design_sections(PreprocessConfig(highpass_hz=None, lowpass_hz=None), 256.0)),
    "scale": RunningScale(128.0, 30.0, 8.0),
} | {f"resample {a} to {b}": Resample(a, b) for a, b in RATES}


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=15, deadline=None)
@given(cuts=CUTS)
def test_no_bit_of_any_step_depends_on_the_chunks(name, cuts):
    x, step = noise(1500), STEPS[name]
    x[700:703, 1] = np.nan if name == "guard" else 0.0
    same(in_chunks(step, x, step.start(x[0]), cuts), in_chunks(step, x, step.start(x[0])))


@pytest.mark.parametrize("rates", RATES)
@settings(max_examples=15, deadline=None)
@given(
    cuts=CUTS,
    seed=st.integers(0, 9),
    reference=st.sampled_from(["average", "none", ("B", "D")]),
    order=st.sampled_from("CF"),
)
def test_no_bit_of_the_chain_depends_on_chunks_or_memory_layout(rates, cuts, seed, reference, order):
    preprocess = chain(rates[0], sfreq=rates[1], reference=reference)
    x = noise(2000, seed=seed)
    x[400:420, 2] = np.nan
    x[900, :] = np.inf
    cut = in_chunks(preprocess, np.asarray(x, order=order), preprocess.start(), cuts)
    same(cut, in_chunks(preprocess, x, preprocess.start()))


@pytest.mark.parametrize("rates", RATES)
def test_single_samples_give_the_same_output_as_the_whole(rates):
    preprocess, x = chain(rates[0], sfreq=rates[1]), noise(600)
    same(in_chunks(preprocess, x, preprocess.start(), range(600)), in_chunks(preprocess, x, preprocess.start()))


@pytest.mark.parametrize("rates", RATES)
def test_an_output_depends_on_its_newest_input_and_on_none_after_it(rates):
    preprocess, x, at = chain(rates[0], sfreq=rates[1]), noise(1200), 777
    y, _ = in_chunks(preprocess, x, preprocess.start())
    changed = x.copy()
    changed[at:] += 500 * np.random.default_rng(1).normal(size=changed[at:].shape)
    z, _ = in_chunks(preprocess, changed, preprocess.start())
    newest = preprocess.resample.newest_input(np.arange(len(y)))
    assert np.array_equal(y[newest < at], z[newest < at])
    assert not np.isclose(y[newest >= at][0], z[newest >= at][0]).all()


@pytest.mark.parametrize("reference", ["average", "none", ("A",)])
def test_an_electrode_offset_does_not_ring(reference):
    preprocess = chain(reference=reference, notch_hz=50.0)
    offset = np.array([300_000.0, -150_000.0, 0.0, 42.0, 1e5])
    y, _ = in_chunks(preprocess, np.tile(offset, (1000, 1)), preprocess.start())
    assert np.abs(y).max() < 1e-3


@pytest.mark.parametrize("reference", ["common", ("A", "Cz")])
def test_a_reference_that_is_no_channel_is_refused(reference):
    with pytest.raises(BadInput, match="key 'reference' says '(common|Cz)', but needs .* names among A, B, C, D, E"):
        chain(reference=reference)


def test_lost_samples_restart_the_filters_and_keep_the_scale():
    preprocess, x = chain(), noise(256 * 40)
    before, state = in_chunks(preprocess, x, preprocess.start())
    resumed = preprocess.resume(state)
    assert all(np.array_equal(resumed[f"scale.{key}"], value) for key, value in substate(state, "scale").items())
    after, _ = in_chunks(preprocess, x + 5e4, resumed)
    assert np.abs(after[:64]).max() < 8.0
    np.testing.assert_allclose(after[128:].std(axis=0), before[128:].std(axis=0), rtol=0.1)


def test_the_input_is_not_changed_in_place():
    for reference in ("none", "average"):
        preprocess = chain(128.0, highpass_hz=None, lowpass_hz=None, reference=reference)
        x = noise(500)
        x[3, 3] = np.nan
        kept = x.copy()
        y, state = preprocess.step(x, preprocess.start())
        held = {key: value.copy() for key, value in state.items()}
        y[:] = 0
        assert np.array_equal(x, kept, equal_nan=True)
        x[:] = 1e9
        assert all(np.array_equal(state[key], held[key]) for key in held)


@settings(max_examples=20, deadline=None)
@given(cuts=CUTS)
def test_the_state_keeps_its_names_shapes_and_types(cuts):
    preprocess, x = chain(250.0), noise(1000)
    first = {key: (value.shape, value.dtype) for key, value in preprocess.start().items()}
    for stop in range(1, 4):
        _, state = in_chunks(preprocess, x[: 300 * stop], preprocess.start(), cuts)
        assert {key: (value.shape, value.dtype) for key, value in state.items()} == first
        assert all(isinstance(value, np.ndarray) for value in state.values())


def test_a_channel_that_starts_with_nan_does_not_ring_in_others():
    x = noise(256 * 6)
    x[:, 1] += 50_000
    clean_too = x.copy()
    x[:20, 1] = np.nan
    y, _ = in_chunks(chain(), x, chain().start())
    z, _ = in_chunks(chain(), clean_too, chain().start())
    assert np.abs(y - z)[20:, [0, 2, 3, 4]].max() < 2.0
