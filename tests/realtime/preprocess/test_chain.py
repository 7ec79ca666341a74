"""Preprocessing is causal, never depends on how samples are cut, and survives what amplifiers send."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from realtime.preprocess.filters import Filter, design_sections
from realtime.preprocess.guard import NonFiniteGuard
from realtime.preprocess.resample import Resample
from realtime.preprocess.running_scale import RunningScale
from realtime.state import substate

RATES = [(160, 128), (256, 128), (250, 125), (250, 128), (1000, 128), (128, 128)]
CH_NAMES = tuple("ABCDE")
CUTS = st.lists(st.integers(0, 3000), max_size=12)


def noise(n_times, n_channels=5, seed=0):
    return 20 * np.random.default_rng(seed).normal(size=(n_times, n_channels)) + 1000 * np.arange(n_channels)


def chain(sfreq_in=256.0, **config):
    return Preprocess(PreprocessConfig(**config), CH_NAMES, sfreq_in)


def fed(step, x, state, cuts=()):
    """Output and final state of a step fed `x` cut at `cuts`."""
    parts = []
    for start, stop in pairwise([0, *sorted(min(cut, len(x)) for cut in cuts), len(x)]):
        if stop > start or isinstance(step, Preprocess | RunningScale):  # the two that may be fed nothing
            y, state = step.step(x[start:stop], state)
            parts.append(y)
    return np.concatenate(parts), state


def same(a, b):
    (y, state), (z, other) = a, b
    assert np.array_equal(y, z)
    assert list(state) == list(other)
    for key in state:
        assert np.array_equal(state[key], other[key]), key


def power_db(sfreq_in, hz, seconds=20.0, **config):
    """Level of a tone behind the linear part of the chain against before, dB, at its loudest channel."""
    preprocess = chain(sfreq_in, reference="none", **config)
    t = np.arange(round(seconds * sfreq_in)) / sfreq_in
    x = np.sin(2 * np.pi * hz * t)[:, None]
    y, _ = preprocess.filter.step(x, preprocess.filter.start(x[0]))
    y, _ = preprocess.resample.step(y, preprocess.resample.start(y[0]))
    return 20 * np.log10(y[len(y) // 2 :].std() / x.std() + 1e-12)


STEPS = {
    "guard": NonFiniteGuard(),
    "filter": Filter(design_sections(PreprocessConfig(notch_hz=50.0), 256.0)),
    "no filter": Filter(design_sections(PreprocessConfig(highpass_hz=None, lowpass_hz=None), 256.0)),
    "scale": RunningScale(128.0, 30.0, 8.0),
} | {f"resample {a} to {b}": Resample(a, b) for a, b in RATES}


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=15, deadline=None)
@given(cuts=CUTS)
def test_every_step_gives_the_same_bits_however_it_is_cut(name, cuts):
    x, step = noise(1500), STEPS[name]
    x[700:703, 1] = np.nan if name == "guard" else 0.0
    same(fed(step, x, step.start(x[0]), cuts), fed(step, x, step.start(x[0])))


@pytest.mark.parametrize("rates", RATES)
@settings(max_examples=15, deadline=None)
@given(
    cuts=CUTS,
    seed=st.integers(0, 9),
    reference=st.sampled_from(["average", "none", ("B", "D")]),
    order=st.sampled_from("CF"),
)
def test_the_chain_gives_the_same_bits_however_it_is_cut_and_lies_in_memory(rates, cuts, seed, reference, order):
    preprocess = chain(rates[0], sfreq=rates[1], reference=reference)
    x = noise(2000, seed=seed)
    x[400:420, 2] = np.nan
    x[900, :] = np.inf
    cut = fed(preprocess, np.asarray(x, order=order), preprocess.start(), cuts)
    same(cut, fed(preprocess, x, preprocess.start()))


@pytest.mark.parametrize("rates", RATES)
def test_one_sample_at_a_time_is_the_whole(rates):
    preprocess, x = chain(rates[0], sfreq=rates[1]), noise(600)
    same(fed(preprocess, x, preprocess.start(), range(600)), fed(preprocess, x, preprocess.start()))


@pytest.mark.parametrize("rates", RATES)
def test_no_output_depends_on_a_later_input_and_each_on_the_newest_it_names(rates):
    preprocess, x, at = chain(rates[0], sfreq=rates[1]), noise(1200), 777
    y, _ = fed(preprocess, x, preprocess.start())
    changed = x.copy()
    changed[at:] += 500 * np.random.default_rng(1).normal(size=changed[at:].shape)
    z, _ = fed(preprocess, changed, preprocess.start())
    newest = preprocess.resample.newest_input(np.arange(len(y)))
    assert np.array_equal(y[newest < at], z[newest < at])
    assert not np.isclose(y[newest >= at][0], z[newest >= at][0]).all()


@pytest.mark.parametrize("rates", RATES)
def test_as_many_samples_come_out_as_the_rates_say(rates):
    preprocess = chain(rates[0], sfreq=rates[1])
    y, _ = fed(preprocess, noise(rates[0] * 3), preprocess.start())
    assert len(y) == rates[1] * 3


def test_not_a_number_is_held_and_counted_and_poisons_nothing():
    preprocess, x = chain(), noise(256 * 20)
    clean, _ = fed(preprocess, x, preprocess.start())
    x[1000:1010, 1] = np.nan
    x[1005, 3] = -np.inf
    y, state = fed(preprocess, x, preprocess.start())
    assert np.isfinite(y).all()
    assert state["guard.count"].tolist() == [0, 10, 0, 1, 0]
    np.testing.assert_allclose(y[-128:], clean[-128:], atol=0.02)
    held, _ = preprocess.guard.step(x[990:1020], preprocess.guard.start(x[990]))
    assert (held[10:20, 1] == x[999, 1]).all()


def test_a_stream_may_begin_with_not_a_number():
    preprocess, x = chain(), noise(2000)
    x[:50] = np.nan
    y, state = fed(preprocess, x, preprocess.start(), [1, 30])
    assert np.isfinite(y).all()
    assert (state["guard.count"] == 50).all()


@pytest.mark.parametrize("reference", ["average", "none", ("A",)])
def test_an_electrode_offset_rings_nothing(reference):
    preprocess = chain(reference=reference, notch_hz=50.0)
    offset = np.array([300_000.0, -150_000.0, 0.0, 42.0, 1e5])
    y, _ = fed(preprocess, np.tile(offset, (1000, 1)), preprocess.start())
    assert np.abs(y).max() < 1e-3


@pytest.mark.parametrize("reference", ["common", ("A", "Cz")])
def test_a_reference_that_is_no_channel_is_refused(reference):
    with pytest.raises(BadInput, match="key 'reference' says '(common|Cz)', but needs .* names among A, B, C, D, E"):
        chain(reference=reference)


@pytest.mark.parametrize(("sfreq", "hz"), [(160, 10), (256, 10), (250, 4), (1000, 30), (128, 20)])
def test_the_band_of_interest_passes(sfreq, hz):
    assert abs(power_db(sfreq, hz)) < 1.0


@pytest.mark.parametrize("sfreq", [160, 250, 256, 1000])
def test_line_noise_is_gone(sfreq):
    """60 Hz behind the notch is below -60 dB; without a notch the 40 Hz low-pass alone takes over 13 dB."""
    assert power_db(sfreq, 60.0, notch_hz=60.0, lowpass_hz=None, sfreq=float(min(sfreq, 250))) < -60
    assert power_db(sfreq, 60.0) < -13


@pytest.mark.parametrize(("sfreq", "hz"), [(256, 90), (250, 90), (1000, 90), (1000, 131), (1000, 250), (160, 77)])
def test_what_would_alias_into_the_band_is_gone_even_without_a_low_pass(sfreq, hz):
    assert power_db(sfreq, hz, lowpass_hz=None) < -30


def test_drift_is_gone():
    assert power_db(256, 0.1) < -35


def test_the_running_scale_brings_every_channel_to_about_one_and_survives_a_burst():
    scale = RunningScale(128.0, 30.0, 8.0)
    x = np.random.default_rng(0).normal(size=(128 * 90, 3)) * [5.0, 20.0, 3000.0]
    y, _ = fed(scale, x, scale.start(x[0]))
    np.testing.assert_allclose(y[128 * 30 :].std(axis=0), 1.0, atol=0.1)
    burst = x.copy()
    burst[6000:6128] *= 1000
    z, _ = fed(scale, burst, scale.start(x[0]))
    assert np.abs(z).max() == 8.0
    np.testing.assert_allclose(z[6128:].std(axis=0), 1.0, atol=0.3)


def test_a_flat_channel_is_not_blown_up():
    scale, x = RunningScale(128.0, 30.0, 8.0), np.random.default_rng(0).normal(size=(5000, 1)) * 1e-4
    assert np.abs(fed(scale, x, scale.start(x[0]))[0]).max() < 0.05


def test_lost_samples_restart_the_filters_and_keep_the_scale():
    preprocess, x = chain(), noise(256 * 40)
    before, state = fed(preprocess, x, preprocess.start())
    resumed = preprocess.resume(state)
    assert all(np.array_equal(resumed[f"scale.{key}"], value) for key, value in substate(state, "scale").items())
    after, _ = fed(preprocess, x + 5e4, resumed)
    assert np.abs(after[:64]).max() < 8.0
    np.testing.assert_allclose(after[128:].std(axis=0), before[128:].std(axis=0), rtol=0.1)


def test_the_input_is_left_as_it_was():
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
def test_state_keeps_its_names_shapes_and_types(cuts):
    preprocess, x = chain(250.0), noise(1000)
    first = {key: (value.shape, value.dtype) for key, value in preprocess.start().items()}
    for stop in range(1, 4):
        _, state = fed(preprocess, x[: 300 * stop], preprocess.start(), cuts)
        assert {key: (value.shape, value.dtype) for key, value in state.items()} == first
        assert all(isinstance(value, np.ndarray) for value in state.values())


def test_a_channel_that_begins_with_nothing_rings_in_no_other_when_it_comes():
    x = noise(256 * 6)
    x[:, 1] += 50_000
    clean_too = x.copy()
    x[:20, 1] = np.nan
    y, _ = fed(chain(), x, chain().start())
    z, _ = fed(chain(), clean_too, chain().start())
    assert np.abs(y - z)[20:, [0, 2, 3, 4]].max() < 2.0
