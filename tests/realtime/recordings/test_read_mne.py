"""Files that MNE reads: units, markers, gaps and positions of sensors."""

from collections import Counter
from pathlib import Path

import mne
import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recordings.read import read_recording
from realtime.sensors.montage import positions
from tests.helpers.recording_files import shared, wave
from tests.helpers.recordings import meg_raw, shared_meg, write_edf

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


def test_a_span_that_was_not_recorded_does_not_change_positions(tmp_path):
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


def fif(path: Path, annotations: list[tuple[float, float, str]], kinds: list[str], first_samp: int = 0) -> np.ndarray:
    """A FIF file at 100 Hz, 10 s; its data in MNE's units."""
    info = mne.create_info([f"{kind.upper()} {i}" for i, kind in enumerate(kinds)], 100.0, kinds)
    data = 1e-5 * np.random.default_rng(0).standard_normal((len(kinds), 1000))
    for i, kind in enumerate(kinds):
        data[i] *= {"mag": 1e-7, "grad": 1e-6, "stim": 0}.get(kind, 1)
        if kind == "stim":
            data[i, [200, 201, 202, 700]] = [3, 3, 3, 5]
    raw = mne.io.RawArray(data, info, first_samp=first_samp, verbose="error")
    onsets, lengths, texts = zip(*annotations, strict=True) if annotations else ((), (), ())
    raw.set_annotations(mne.Annotations(onsets, lengths, texts))
    raw.save(path, verbose="error")
    return data


def test_edf_is_microvolts_and_channels_are_picked_by_any_spelling(tmp_path):
    samples = wave(512, 3)
    path = write_edf(tmp_path / "a.edf", samples, 256, ["EEG FP1-REF", "T3", "Cz"])
    recording = read_recording(path)
    np.testing.assert_allclose(recording.samples, samples, atol=1e-3)
    assert (recording.sfreq, recording.ch_names) == (256.0, ("EEG FP1-REF", "T3", "Cz"))
    picked = read_recording(path, pick=["cz", "Fp1"])
    np.testing.assert_array_equal(picked.samples, recording.samples[:, [2, 0]])
    with pytest.raises(BadInput, match=r"a\.edf: found no channel 'O1' among EEG FP1-REF, T3, Cz"):
        read_recording(path, pick=["O1"])


def test_an_edf_unit_that_is_no_voltage_is_refused(tmp_path):
    path = write_edf(tmp_path / "a.edf", wave(256, 1), 256, ["Cz"], unit="bananas")
    with pytest.raises(BadInput, match=r"a\.edf: channel 'Cz' has unit .* but V, mV or uV is needed"):
        read_recording(path)


@pytest.mark.parametrize("first_samp", [0, 4321])
def test_annotations_become_markers_and_unrecorded_spans_become_gaps(tmp_path, first_samp):
    path = tmp_path / "a_raw.fif"
    notes = [(0.02, 0, "start"), (1.234, 0.5, "T1"), (4.5, 0, "lost"), (6.0, 0, "T2"), (4.0, 1.0, "BAD_ACQ_SKIP")]
    data = fif(path, notes, ["eeg", "eeg", "misc"], first_samp)
    recording = read_recording(path)
    assert recording.ch_names == ("EEG 0", "EEG 1")
    assert recording.gaps == ((400, 100),)
    assert recording.markers == ((2, "start"), (123, "T1"), (399, "lost"), (500, "T2"))
    assert recording.duration_s == pytest.approx(10)
    np.testing.assert_allclose(recording.samples[:400], 1e6 * data[:2, :400].T, rtol=1e-4, atol=1e-6)


def test_meg_comes_in_femtotesla_and_a_stimulus_channel_gives_markers(tmp_path):
    data = fif(tmp_path / "a_raw.fif", [], ["mag", "grad", "eeg", "stim"])
    recording = read_recording(tmp_path / "a_raw.fif", pick="meg")
    assert recording.ch_names == ("MAG 0", "GRAD 1")
    assert recording.markers == ((200, "3"), (700, "5"))
    np.testing.assert_allclose(recording.samples, (data[:2] * [[1e15], [1e13]]).T, rtol=1e-4, atol=1e-6)


def test_a_pick_that_the_file_lacks_is_refused_with_its_types(tmp_path):
    fif(tmp_path / "a_raw.fif", [], ["eeg"])
    with pytest.raises(BadInput, match=r"a_raw\.fif: pick is 'meg', but the file's channels are of type eeg"):
        read_recording(tmp_path / "a_raw.fif", pick="meg")


def test_real_edf_has_its_dotted_names_rate_and_annotations():
    recording = read_recording(shared("eegmmidb_S001/S001R05.edf", "physionet.org/content/eegmmidb"))
    assert (recording.samples.shape, recording.sfreq, recording.ch_names[0]) == ((20000, 64), 160.0, "Fc5.")
    assert Counter(label for _, label in recording.markers) == {"T0": 15, "T1": 8, "T2": 7}
    assert 20 < recording.samples.std() < 200


def test_a_fif_recording_in_parts_is_refused(tmp_path):
    """MNE would follow the first part into the others, which another split may name."""
    info = mne.create_info(["Cz", "Pz"], 1000.0, "eeg")
    raw = mne.io.RawArray(np.zeros((2, 400_000)), info, verbose="ERROR")
    raw.save(tmp_path / "s_raw.fif", split_size="2MB", buffer_size_sec=1, verbose="ERROR")
    with pytest.raises(BadInput, match=r"s_raw\.fif: is the first of \d parts"):
        read_recording(tmp_path / "s_raw.fif")
