"""Where a file's sensors are."""

import mne
import numpy as np
import pytest

from realtime.recordings.read import read_recording
from realtime.sensors.montage import positions
from tests.helpers.recordings import meg_raw, shared_meg

UP = mne.transforms.Transform("meg", "head", mne.transforms.translation(z=0.04))


@pytest.mark.parametrize("dev_head_t", [None, UP])
def test_meg_sensors_are_in_the_head_frame_if_the_file_has_the_transform(tmp_path, dev_head_t):
    places = np.random.default_rng(0).normal(0, 0.1, (4, 3))
    meg_raw(places, dev_head_t).save(tmp_path / "a_raw.fif", verbose="error")
    recording = read_recording(tmp_path / "a_raw.fif", pick="meg")
    shift = 0.0 if dev_head_t is None else np.array([0, 0, 0.04])
    np.testing.assert_allclose(recording.positions_m, places + shift, atol=1e-7)
    two = read_recording(tmp_path / "a_raw.fif", pick=["MEG 0121", "MEG 0112"])
    np.testing.assert_array_equal(two.positions_m, recording.positions_m[[3, 1]])


def test_a_stretch_that_was_not_recorded_leaves_the_places(tmp_path):
    raw = meg_raw(np.eye(4)[:, :3], UP)
    raw.set_annotations(mne.Annotations([1.0], [1.0], ["BAD_ACQ_SKIP"]))
    raw.save(tmp_path / "a_raw.fif", buffer_size_sec=1.0, verbose="error")
    recording = read_recording(tmp_path / "a_raw.fif", pick="meg")
    assert recording.gaps == ((100, 100),)
    assert recording.positions_m.shape == (4, 3)


def test_electrodes_are_where_they_were_digitised_and_nowhere_else(tmp_path):
    info = mne.create_info(["EEG 001", "EEG 002", "Cz"], 100.0, "eeg")
    raw = mne.io.RawArray(np.zeros((3, 200)), info, verbose="error")
    raw.save(tmp_path / "plain_raw.fif")
    assert read_recording(tmp_path / "plain_raw.fif").positions_m is None
    dig = mne.channels.make_dig_montage({"EEG 002": [0.0, 0.1, 0.0], "Cz": [0.0, 0.0, 0.2]}, coord_frame="head")
    raw.set_montage(dig, on_missing="ignore")
    raw.save(tmp_path / "dig_raw.fif")
    recording = read_recording(tmp_path / "dig_raw.fif")
    np.testing.assert_allclose(recording.positions_m, [[np.nan] * 3, [0, 0.1, 0], [0, 0, 0.2]], atol=1e-7)
    # A 10-05 electrode is one place for every file, so that bundles of one layout agree.
    together = positions(recording.ch_names, recording.positions_m)
    np.testing.assert_array_equal(together[2], positions(["Cz"])[0])
    np.testing.assert_array_equal(together[:2], recording.positions_m[:2])


def test_a_real_recording_places_every_sensor_around_the_head(tmp_path):
    raw = shared_meg()
    raw.save(tmp_path / "real_raw.fif", verbose="error")
    recording = read_recording(tmp_path / "real_raw.fif", pick="meg")
    assert recording.positions_m.shape == (306, 3)
    assert np.isfinite(recording.positions_m).all()
    from_centre = np.linalg.norm(recording.positions_m - [0, 0, 0.04], axis=1)
    assert 0.1 < from_centre.min() < from_centre.max() < 0.15
    left = [name.startswith(("MEG 01", "MEG 02")) for name in recording.ch_names]
    assert (recording.positions_m[left, 0] < 0).all()
