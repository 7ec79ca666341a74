"""Bad channels are flagged in time and cleared again, and good ones are never flagged."""

import os
from pathlib import Path

import numpy as np
import pytest

from realtime.quality.bad_channels import REASONS, channel_kind
from realtime.quality.repair import ChannelRepair
from realtime.recordings.read import read_recording
from realtime.sensors.montage import positions
from tests.helpers.corrupted_channels import KINDS, NAMES, ONSET, SFREQ, clean, corrupted, repair, repaired


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_channel_is_flagged_within_half_a_second_and_cleared_after_one(kind):
    x = corrupted(kind, 9)
    y, bad, _, _ = repaired(x)
    first = ONSET + int(np.argmax(bad[ONSET:, 9]))
    assert bad[first, 9]
    assert first - ONSET <= 0.5 * SFREQ
    assert bad[first:3000, 9].all()
    assert 0.9 * SFREQ < bad[3000:, 9].sum() < 1.5 * SFREQ
    others = np.arange(len(NAMES)) != 9
    assert not bad[:, others].any()
    assert np.array_equal(y[:, others], x[:, others])
    assert np.array_equal(y[:ONSET], x[:ONSET])
    _, marks, _ = repair().step(x, repair().start())
    assert {REASONS[reason] for reason in marks.reason[first:3000, 9]} - {"held"} == {KINDS[kind]}


def test_noise_in_every_channel_is_flagged_and_cleared_when_it_is_over():
    x = clean().copy()
    x[ONSET:3000] += 250 * np.random.default_rng(5).normal(size=x[ONSET:3000].shape)
    _, bad, _, _ = repaired(x)
    assert bad[ONSET + round(0.5 * SFREQ) : 3000].all()
    assert not bad[:ONSET].any()
    assert not bad[3000 + round(1.5 * SFREQ) :].any()


@pytest.mark.parametrize("hz", [50.0, 60.0])
def test_a_line_in_every_channel_is_left_to_the_notch(hz):
    line = 800 * np.sin(2 * np.pi * hz / SFREQ * np.arange(len(clean())))
    line[:ONSET] = 0  # a lamp is switched on
    _, bad, _, _ = repaired(clean() + line[:, None])
    assert not bad.any()


def test_meg_channels_are_not_compared_with_thresholds_in_microvolts():
    names = [f"MEG {number:03d}1" for number in range(10)]
    model = ChannelRepair(names, np.full((10, 3), np.nan), SFREQ)
    _, bad, _, _ = repaired(400 * np.random.default_rng(6).normal(size=(2000, 10)), model=model)
    assert not bad.any()


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_channels_may_be_bad_at_once(kind):
    x = clean().copy()
    for channel in range(0, 20, 2):
        x[:, channel] = corrupted(kind, channel)[:, channel]
    _, bad, _, _ = repaired(x)
    assert bad[ONSET + 125 : 3000, ::2].all()
    assert not bad[:, 1::2].any()


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
        y, bad, _, _ = repaired(
            x, model=ChannelRepair(recording.ch_names, positions(recording.ch_names), recording.sfreq)
        )
        filled = np.flatnonzero(x.any(axis=1))[-1] + 1
        assert not bad[:filled].any()
        assert np.array_equal(y, x)


def test_on_headbands_only_a_railed_electrode_and_the_open_input_are_flagged():
    """18 files, 36 minutes: AF8 where it hits both rails; the unconnected `Right AUX`, where it hums."""
    seen = set()
    folders = ("muse_left_right/subject1", "muse_n170/*", "muse_p300/subject1_session1", "muse_ssvep")
    paths = [path for folder in folders for path in recordings(f"{folder}/*.csv")]
    assert len(paths) == 18
    for path in paths:
        recording = read_recording(path)
        model = ChannelRepair(recording.ch_names, positions(recording.ch_names), recording.sfreq)
        _, bad, _, _ = repaired(recording.samples.astype(float), model=model)
        name = str(path.relative_to(os.environ["GLIMPSE_DATA"]))
        seen |= {(name, recording.ch_names[i]) for i in np.flatnonzero(bad.any(axis=0))}
    hums = {(f"muse_left_right/subject1/block{i}.csv", "Right AUX") for i in (1, 2, 3, 4)}
    assert seen == hums | {("muse_p300/subject1_session1/block2.csv", "AF8")}


def test_the_kind_of_a_channel_follows_from_its_name():
    names = ("Cz", "MEG 0111", "MEG0112", "meg 0113", "MEGA")
    assert [channel_kind(name) for name in names] == ["eeg", "mag", "grad", "grad", "eeg"]
