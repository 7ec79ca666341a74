"""Blinks and bursts are marked while they last, and little else is."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.quality.artifacts import ArtifactDetector
from realtime.recordings.read import read_recording
from realtime.sensors.montage import positions
from realtime.simulation import brain as simulator

SFREQ, BLOCK = 250.0, 25
NAMES = ("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2").split()


def session(monkeypatch: pytest.MonkeyPatch, names: list[str], seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a simulated session and the samples at which its blinks begin."""
    brain = simulator.SimulatedBrain(names, SFREQ, np.random.default_rng(0).normal(size=(4, 8)))
    state, blinks, add = brain.start(5), [], simulator._add

    def noted(events, at, shape):
        if len(shape) == round(simulator.BLINK_S * SFREQ):
            blinks.append(state.n_generated + at)
        add(events, at, shape)

    monkeypatch.setattr(simulator, "_add", noted)
    x, _ = brain.step(state, round(seconds * SFREQ))
    return x.astype(float), np.array([at for at in blinks if at < len(x) - 75])


def marked(x, cuts=(), names=NAMES):
    model = ArtifactDetector(positions(names), SFREQ, BLOCK)
    state, parts = model.start(), []
    for start, stop in pairwise(sorted({0, len(x), *(min(cut, len(x)) for cut in cuts)})):
        marks, state = model.step(x[start:stop], state)
        parts.append(marks)
    return np.concatenate(parts), state


def test_only_blinks_are_marked_while_they_last(monkeypatch):
    x, blinks = session(monkeypatch, NAMES, 120.0)
    marks, _ = marked(x)
    found = [marks[at : at + 75].any() for at in blinks if at > 500]
    assert len(found) >= 15
    assert np.mean(found) > 0.9
    begins = np.flatnonzero(np.diff(marks.astype(int)) == 1)
    assert sum(not ((blinks <= at) & (at < blinks + 100)).any() for at in begins) <= 1


def test_a_cap_without_a_forehead_sees_bursts_and_no_blinks(monkeypatch):
    names = NAMES[7:]
    x, _ = session(monkeypatch, NAMES, 40.0)
    x = x[:, 7:].copy()
    assert not marked(x, names=names)[0].any()
    x[5000:5100] += 60 * np.random.default_rng(0).normal(size=(100, len(names)))
    marks, _ = marked(x, names=names)
    assert 4995 <= np.argmax(marks) <= 5015
    assert marks[5015:5100].all()
    assert not marks[5100 + round(0.5 * SFREQ) :].any()


def test_a_burst_on_a_few_channels_is_none(monkeypatch):
    x, _ = session(monkeypatch, NAMES[7:], 20.0)
    x[3000:3100, :2] += 100 * np.random.default_rng(0).normal(size=(100, 2))
    assert not marked(x, names=NAMES[7:])[0].any()


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 5000), max_size=12), at=st.integers(0, 4900))
def test_no_bit_depends_on_the_chunks(cuts, at):
    x = 10 * np.random.default_rng(2).normal(size=(5000, len(NAMES)))
    x[at : at + 100] *= 20
    (marks, state), (others, other) = marked(x), marked(x, cuts)
    assert np.array_equal(marks, others)
    assert all(np.array_equal(state[key], other[key]) for key in state)


def test_running_levels_survive_lost_samples():
    model = ArtifactDetector(positions(NAMES), SFREQ, BLOCK)
    x = 10 * np.random.default_rng(2).normal(size=(2000, len(NAMES)))
    _, state = model.step(x, model.start())
    x[:50] *= 30
    assert model.step(x + 1e4, model.resume(state))[0][:60].any()
    assert not model.step(x + 1e4, model.start())[0][:60].any()


def test_marks_on_a_real_person_are_as_many_as_people_blink():
    """S001 of eegmmidb blinks and bursts 10 to 20 times a minute; people at rest blink 10 to 20 times."""
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip("set GLIMPSE_DATA to a folder that holds eegmmidb_S001/")
    for path in sorted(Path(os.environ["GLIMPSE_DATA"]).glob("eegmmidb_S001/*.edf")):
        recording = read_recording(path)
        model = ArtifactDetector(positions(recording.ch_names), recording.sfreq, 16)
        marks, _ = model.step(recording.samples.astype(float), model.start())
        per_minute = (np.diff(marks.astype(int)) == 1).sum() / (recording.duration_s / 60)
        assert 5 < per_minute < 25
        assert marks.mean() < 0.15
