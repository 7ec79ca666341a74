"""Bad channels are flagged in time, stood in for without a step, forgiven, and good ones never flagged."""

import os
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from realtime.quality.bad_channels import REASONS, ChannelRepair
from realtime.recordings.read import read_recording
from realtime.sensors.montage import positions
from realtime.simulation.brain import SimulatedBrain, simulate
from realtime.state import State

SFREQ = 250.0
NAMES = ("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2").split()
ONSET = 1503  # inside a block
KINDS = {"nan": "not finite", "inf": "not finite", "flat": "flat", "rail": "railed", "line": "line noise"}
KINDS |= {"clipped": "railed", "noise": "noise"}


@cache
def clean() -> np.ndarray:
    brain = SimulatedBrain(NAMES, SFREQ, np.random.default_rng(0).normal(size=(4, 8)))
    offsets = 20_000 * np.random.default_rng(1).normal(size=len(NAMES))
    return simulate(brain, 3, 20.0)[0].astype(float) + offsets


@cache
def quality(known: bool = True) -> ChannelRepair:
    return ChannelRepair(NAMES, positions(NAMES) if known else np.full((len(NAMES), 3), np.nan), SFREQ)


def spoiled(kind: str, channel: int, begin: int = ONSET, end: int = 3000) -> np.ndarray:
    x = clean().copy()
    piece, t = x[begin:end, channel], np.arange(begin, end)
    x[begin:end, channel] = {
        "nan": np.nan,
        "inf": -np.inf,
        "flat": piece[0],
        "rail": 187_500.0 + 0.01 * (t % 2),
        "line": piece + 400 * np.sin(2 * np.pi * 50 / SFREQ * t),
        "clipped": piece.mean() + np.clip(3000 * np.sin(2 * np.pi * 3.1 / SFREQ * t), -500, 500),
        "noise": piece + 300 * np.random.default_rng(4).normal(size=len(t)),
    }[kind]
    return x


def fed(x: np.ndarray, cuts=(), gap: int | None = None, model: ChannelRepair | None = None):
    """Signal, marks and last state of `x` cut at `cuts`, with samples lost before row `gap`."""
    model = model or quality()
    state: State = model.start()
    parts, bad, artifact = [], [], []
    for start, stop in pairwise(sorted({0, len(x), *(min(cut, len(x)) for cut in cuts), *([gap] if gap else [])})):
        if start and start == gap:
            state = model.resume(state)
        y, marks, state = model.step(x[start:stop], state)
        parts.append(y)
        bad.append(marks.bad)
        artifact.append(marks.artifact)
    return np.concatenate(parts), np.concatenate(bad), np.concatenate(artifact), state


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_channel_is_flagged_within_half_a_second_and_forgiven_after_about_one(kind):
    x = spoiled(kind, 9)
    y, bad, _, _ = fed(x)
    first = ONSET + int(np.argmax(bad[ONSET:, 9]))
    assert bad[first, 9]
    assert first - ONSET <= 0.5 * SFREQ
    assert bad[first:3000, 9].all()
    assert 0.9 * SFREQ < bad[3000:, 9].sum() < 1.5 * SFREQ
    others = np.arange(len(NAMES)) != 9
    assert not bad[:, others].any()
    assert np.array_equal(y[:, others], x[:, others])
    assert np.array_equal(y[:ONSET], x[:ONSET])
    _, marks, _ = quality().step(x, quality().start())
    assert {REASONS[reason] for reason in marks.reason[first:3000, 9]} - {"held"} == {KINDS[kind]}


def test_noise_in_every_channel_is_flagged_and_cleared_when_it_is_over():
    x = clean().copy()
    x[ONSET:3000] += 250 * np.random.default_rng(5).normal(size=x[ONSET:3000].shape)
    _, bad, _, _ = fed(x)
    assert bad[ONSET + round(0.5 * SFREQ) : 3000].all()
    assert not bad[:ONSET].any()
    assert not bad[3000 + round(1.5 * SFREQ) :].any()


@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_a_line_in_every_channel_is_left_to_the_notch(hz):
    line = 800 * np.sin(2 * np.pi * hz / SFREQ * np.arange(len(clean())))
    line[:ONSET] = 0  # a lamp is switched on
    _, bad, _, _ = fed(clean() + line[:, None])
    assert not bad.any()


def test_magnetic_channels_are_not_held_against_microvolts():
    names = [f"MEG {number:03d}1" for number in range(10)]
    model = ChannelRepair(names, np.full((10, 3), np.nan), SFREQ)
    _, bad, _, _ = fed(400 * np.random.default_rng(6).normal(size=(2000, 10)), model=model)
    assert not bad.any()


def test_good_channels_pass_unchanged_and_a_few_lost_values_flag_only_themselves():
    x = clean().copy()
    y, bad, _, _ = fed(x)
    assert np.array_equal(y, x)
    assert not bad.any()
    x[700:705, 3] = np.nan
    y, bad, _, _ = fed(x)
    assert np.argwhere(bad).tolist() == [[row, 3] for row in range(700, 705)]
    assert (y[700:705, 3] == x[699, 3]).all()


def test_an_interpolated_channel_follows_what_it_would_have_been():
    y, bad, _, _ = fed(spoiled("nan", 9))
    there = slice(1700, 2900)
    assert bad[there, 9].all()
    band = signal.butter(2, [1, 40], "bandpass", fs=SFREQ, output="sos")
    got, wanted = (signal.sosfiltfilt(band, x[there, 9]) for x in (y, clean()))
    assert np.corrcoef(got, wanted)[0, 1] > 0.7  # the nearest neighbour: 0.4


def test_a_channel_without_a_place_is_the_mean_of_the_good_ones():
    y, bad, _, _ = fed(spoiled("nan", 9), model=quality(known=False))
    good = np.delete(clean(), 9, axis=1)
    difference = (y[:, 9] - good.mean(axis=1))[1700:2900]
    assert bad[1700:2900, 9].all()
    np.testing.assert_allclose(difference, difference[0], atol=1e-6)  # but for the constant that avoids a step


def test_magnetometers_stand_in_for_magnetometers_only():
    names = [f"MEG {i:03d}{k}" for i in range(10) for k in (1, 2, 3)]
    x = 50 * np.random.default_rng(0).normal(size=(1000, 30))
    x[:, ::3] *= 10
    x[500:, 0] = np.nan
    y, _, _, _ = fed(x, model=ChannelRepair(names, np.full((30, 3), np.nan), SFREQ))
    difference = (y[:, 0] - x[:, 3::3].mean(axis=1))[700:]
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_channels_may_be_bad_at_once(kind):
    x = clean().copy()
    for channel in range(0, 20, 2):
        x[:, channel] = spoiled(kind, channel)[:, channel]
    _, bad, _, _ = fed(x)
    assert bad[ONSET + 125 : 3000, ::2].all()
    assert not bad[:, 1::2].any()


@pytest.mark.parametrize("begin", [0, ONSET])
def test_where_every_channel_is_bad_the_signal_stands_still_and_all_are_flagged(begin):
    x = clean().copy()
    x[begin:3000] = np.nan
    y, bad, _, _ = fed(x)
    assert np.isfinite(y).all()
    assert bad[begin:3000].all()
    assert not bad[3400:].any()
    assert (y[begin:3000] == (y[begin - 1] if begin else 0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_source_begins_with_a_step(kind):
    """Electrode offsets are 20 mV here; where a stand-in begins or ends, the signal moves no more than EEG does."""
    y, bad, _, _ = fed(spoiled(kind, 9))
    switches = np.flatnonzero(np.diff(bad[:, 9].astype(int))) + 1
    assert len(switches) == 2
    assert max(abs(y[at, 9] - y[at - 1, 9]) for at in switches) < 60


def test_a_rail_and_the_way_back_are_no_steps():
    """From 20 mV of offset to 187 mV and back, on one channel and then on another beside it."""
    x = spoiled("rail", 9)
    x[3300:3800, 10] = -187_500.0
    y, _, _, _ = fed(x)
    assert np.abs(np.diff(y, axis=0)).max() < 60


def test_a_channel_that_goes_bad_beside_a_bad_one_steps_neither():
    x = spoiled("nan", 9)
    x[2000:2600, 10] = np.nan
    y, _, _, _ = fed(x)
    assert np.abs(np.diff(y[1700:, 9:11], axis=0)).max() < 60


@pytest.mark.parametrize("missing", [3, 700])
def test_a_channel_that_begins_with_nothing_comes_in_without_a_step(missing):
    x = clean().copy()
    x[:missing, 9] = np.nan
    y, _, _, _ = fed(x)
    assert np.abs(np.diff(y[:, 9])).max() < 60


def test_a_gap_keeps_the_flags_and_judges_by_new_samples_alone():
    _, bad, _, _ = fed(spoiled("flat", 9, end=2000), gap=2100)
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
def test_no_bit_depends_on_the_chunks_or_on_how_they_lie_in_memory(trouble, cuts, gap, order):
    x = clean().copy()
    for kind, channel, begin, n in trouble:
        x[begin : begin + n, channel] = spoiled(kind, channel, begin, min(begin + n, len(x)))[
            begin : begin + n, channel
        ]
    (y, bad, artifact, state), (z, bad_too, artifact_too, other) = (
        fed(x, gap=gap),
        fed(np.asarray(x, order=order), cuts, gap),
    )
    assert np.isfinite(y).all()
    assert np.array_equal(y, z)
    assert np.array_equal(bad, bad_too)
    assert np.array_equal(artifact, artifact_too)
    assert list(state) == list(quality().start())
    for key in state:
        assert np.array_equal(state[key], other[key], equal_nan=True), key
        assert state[key].shape == quality().start()[key].shape, key
        assert state[key].dtype == quality().start()[key].dtype, key


def test_input_and_state_are_left_as_they_were():
    x = spoiled("nan", 9)
    kept = x.copy()
    _, _, state = quality().step(x[:1800], quality().start())
    held = {key: value.copy() for key, value in state.items()}
    quality().step(x[1800:], state)
    assert np.array_equal(x, kept, equal_nan=True)
    assert all(np.array_equal(state[key], held[key]) for key in held)


def recordings(pattern: str) -> list[Path]:
    folder = os.environ.get("GLIMPSE_DATA")
    if not folder:
        pytest.skip("set GLIMPSE_DATA to a folder that holds eegmmidb_S001/ and muse_*/")
    found = sorted(Path(folder).glob(pattern))
    assert found
    return found


def test_no_channel_of_a_good_recording_is_flagged():
    """8 runs of 64 channels, 17 minutes: none, but for the half second of zeros with which each file ends."""
    for path in recordings("eegmmidb_S001/*.edf"):
        recording = read_recording(path)
        x = recording.samples.astype(float)
        y, bad, _, _ = fed(x, model=ChannelRepair(recording.ch_names, positions(recording.ch_names), recording.sfreq))
        filled = np.flatnonzero(x.any(axis=1))[-1] + 1
        assert not bad[:filled].any()
        assert np.array_equal(y, x)


def test_on_headbands_only_a_railed_electrode_and_the_open_input_are_flagged():
    """18 files, 36 minutes: AF8 where it hits both rails; `Right AUX`, on which nothing was, where it hums."""
    seen = set()
    folders = ("muse_left_right/subject1", "muse_n170/*", "muse_p300/subject1_session1", "muse_ssvep")
    paths = [path for folder in folders for path in recordings(f"{folder}/*.csv")]
    assert len(paths) == 18
    for path in paths:
        recording = read_recording(path)
        model = ChannelRepair(recording.ch_names, positions(recording.ch_names), recording.sfreq)
        _, bad, _, _ = fed(recording.samples.astype(float), model=model)
        name = str(path.relative_to(os.environ["GLIMPSE_DATA"]))
        seen |= {(name, recording.ch_names[i]) for i in np.flatnonzero(bad.any(axis=0))}
    hums = {(f"muse_left_right/subject1/block{i}.csv", "Right AUX") for i in (1, 2, 3, 4)}
    assert seen == hums | {("muse_p300/subject1_session1/block2.csv", "AF8")}
