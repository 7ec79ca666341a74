"""Bad channels are interpolated without a step, for any chunking, and good ones are not changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from realtime.quality.repair import ChannelRepair
from tests.helpers.corrupted_channels import KINDS, ONSET, SFREQ, clean, corrupted, repair, repaired


def test_good_channels_pass_unchanged_and_lost_values_flag_only_themselves():
    x = clean().copy()
    y, bad, _, _ = repaired(x)
    assert np.array_equal(y, x)
    assert not bad.any()
    x[700:705, 3] = np.nan
    y, bad, _, _ = repaired(x)
    assert np.argwhere(bad).tolist() == [[row, 3] for row in range(700, 705)]
    assert (y[700:705, 3] == x[699, 3]).all()


def test_an_interpolated_channel_correlates_with_the_true_one():
    y, bad, _, _ = repaired(corrupted("nan", 9))
    there = slice(1700, 2900)
    assert bad[there, 9].all()
    band = signal.butter(2, [1, 40], "bandpass", fs=SFREQ, output="sos")
    got, wanted = (signal.sosfiltfilt(band, x[there, 9]) for x in (y, clean()))
    assert np.corrcoef(got, wanted)[0, 1] > 0.7  # the nearest neighbour: 0.4


def test_a_channel_without_a_position_is_the_mean_of_the_good_ones():
    y, bad, _, _ = repaired(corrupted("nan", 9), model=repair(known=False))
    good = np.delete(clean(), 9, axis=1)
    difference = (y[:, 9] - good.mean(axis=1))[1700:2900]
    assert bad[1700:2900, 9].all()
    np.testing.assert_allclose(difference, difference[0], atol=1e-6)  # but for the constant that avoids a step


def test_magnetometers_are_replaced_by_magnetometers_only():
    names = [f"MEG {i:03d}{k}" for i in range(10) for k in (1, 2, 3)]
    x = 50 * np.random.default_rng(0).normal(size=(1000, 30))
    x[:, ::3] *= 10
    x[500:, 0] = np.nan
    y, _, _, _ = repaired(x, model=ChannelRepair(names, np.full((30, 3), np.nan), SFREQ))
    difference = (y[:, 0] - x[:, 3::3].mean(axis=1))[700:]
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)


@pytest.mark.parametrize("begin", [0, ONSET])
def test_when_every_channel_is_bad_the_signal_is_constant_and_all_are_flagged(begin):
    x = clean().copy()
    x[begin:3000] = np.nan
    y, bad, _, _ = repaired(x)
    assert np.isfinite(y).all()
    assert bad[begin:3000].all()
    assert not bad[3400:].any()
    assert (y[begin:3000] == (y[begin - 1] if begin else 0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_source_makes_no_step(kind):
    """Electrode offsets are 20 mV here; where an interpolation begins or ends, the signal steps no more than EEG."""
    y, bad, _, _ = repaired(corrupted(kind, 9))
    switches = np.flatnonzero(np.diff(bad[:, 9].astype(int))) + 1
    assert len(switches) == 2
    assert max(abs(y[at, 9] - y[at - 1, 9]) for at in switches) < 60


def test_a_rail_and_its_end_make_no_step():
    """From 20 mV of offset to 187 mV and back, on one channel and then on its neighbour."""
    x = corrupted("rail", 9)
    x[3300:3800, 10] = -187_500.0
    y, _, _, _ = repaired(x)
    assert np.abs(np.diff(y, axis=0)).max() < 60


def test_a_second_bad_channel_makes_no_step_in_either():
    x = corrupted("nan", 9)
    x[2000:2600, 10] = np.nan
    y, _, _, _ = repaired(x)
    assert np.abs(np.diff(y[1700:, 9:11], axis=0)).max() < 60


@pytest.mark.parametrize("missing", [3, 700])
def test_a_channel_that_starts_with_nan_makes_no_step_later(missing):
    x = clean().copy()
    x[:missing, 9] = np.nan
    y, _, _, _ = repaired(x)
    assert np.abs(np.diff(y[:, 9])).max() < 60


def test_flags_survive_a_gap_and_are_cleared_by_new_samples_alone():
    _, bad, _, _ = repaired(corrupted("flat", 9, end=2000), gap=2100)
    assert bad[1700:2200, 9].all()
    assert not bad[2600:].any()


TROUBLE = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 19), st.integers(0, 4900), st.integers(1, 1500)),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(
    trouble=TROUBLE,
    cuts=st.lists(st.integers(1, 4999), max_size=10),
    gap=st.none() | st.integers(1, 4999),
    order=st.sampled_from("CF"),
)
def test_no_bit_depends_on_chunks_or_memory_layout(trouble, cuts, gap, order):
    x = clean().copy()
    for kind, channel, begin, n in trouble:
        x[begin : begin + n, channel] = corrupted(kind, channel, begin, min(begin + n, len(x)))[
            begin : begin + n, channel
        ]
    (y, bad, artifact, state), (z, bad_too, artifact_too, other) = (
        repaired(x, gap=gap),
        repaired(np.asarray(x, order=order), cuts, gap),
    )
    assert np.isfinite(y).all()
    assert np.array_equal(y, z)
    assert np.array_equal(bad, bad_too)
    assert np.array_equal(artifact, artifact_too)
    assert list(state) == list(repair().start())
    for key in state:
        assert np.array_equal(state[key], other[key], equal_nan=True), key
        assert state[key].shape == repair().start()[key].shape, key
        assert state[key].dtype == repair().start()[key].dtype, key


def test_input_and_state_are_not_changed_in_place():
    x = corrupted("nan", 9)
    kept = x.copy()
    _, _, state = repair().step(x[:1800], repair().start())
    held = {key: value.copy() for key, value in state.items()}
    repair().step(x[1800:], state)
    assert np.array_equal(x, kept, equal_nan=True)
    assert all(np.array_equal(state[key], held[key]) for key in held)
