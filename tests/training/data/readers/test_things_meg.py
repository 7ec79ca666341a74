import shutil

import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.things_meg import picture_names, write_epochs, write_raw
from training.data.readers.open import open_source
from training.data.readers.trials import OTHER, TRAIN, Epochs


@pytest.fixture(scope="module")
def raw(tmp_path_factory, shared):
    return write_raw(tmp_path_factory.mktemp("meg"), shared)


@pytest.fixture(scope="module")
def epoched(tmp_path_factory, shared):
    return write_epochs(tmp_path_factory.mktemp("meg_epochs"), shared)


def readings(root):
    return [reading for session in open_source("things-meg", root).sessions for reading in session.read()]


def test_runs_of_271_sensors_are_read_at_the_samples_of_the_optical_sensor(raw, shared):
    first, second = readings(raw)
    assert first.signal.samples.shape[1] == 271
    assert first.signal.sfreq == 1200
    assert "MRO11" not in first.signal.ch_names
    assert first.trials.row[:3].tolist() == [3425, 5406, 7267]
    assert first.trials.picture[0] == picture_names(shared)[24812 - 1].removesuffix(".jpg")
    assert (set(first.trials.day.tolist()), set(second.trials.day.tolist())) == ({1}, {2})
    assert np.isfinite(first.signal.positions_m).all()
    assert 50 < first.signal.samples.std() < 200  # femtotesla


def test_a_head_position_recording_is_not_taken_for_a_run(raw):
    assert len(open_source("things-meg", raw).sessions) == 2


def test_missing_runs_are_a_finding(raw):
    assert any("2 of 120 runs" in one.what for one in open_source("things-meg", raw).findings)


def test_the_four_parts_of_the_epochs_are_read_in_blocks(epoched):
    (reading,) = readings(epoched)
    assert isinstance(reading.signal, Epochs)
    assert reading.signal.samples.shape == (40, 271, 281)
    assert reading.signal.onset_row == 20
    assert set(reading.trials.day.tolist()) == {1, 12}
    assert (reading.trials.subset == TRAIN).sum() > 20
    catch = reading.trials.subset == OTHER
    assert set(reading.trials.picture[catch].tolist()) <= {""}


def test_a_missing_part_of_the_epochs_is_refused(tmp_path, epoched):
    root = shutil.copytree(epoched, tmp_path / "meg")
    (root / "derivatives" / "preprocessed" / "preprocessed_P1-epo-2.fif").unlink()
    with pytest.raises(BadInput, match="preprocessed_P1-epo-2.fif: there is no such file, but the four parts"):
        open_source("things-meg", root)


def test_272_channels_in_the_epochs_are_refused(tmp_path, shared):
    root = write_epochs(tmp_path, shared, n_events=6, n_channels=272)
    with pytest.raises(BadInput, match="holds 272 channels, but 271 without MRO11-1609 are needed"):
        readings(root)


def test_a_run_with_too_few_sensors_is_refused(tmp_path, shared):
    root = write_raw(tmp_path, shared, n_events=2, n_sensors=200)
    with pytest.raises(BadInput, match="holds 200 sensors without MRO11-1609, but 271 are needed"):
        readings(root)


def test_versions_with_late_onsets_are_refused(tmp_path, shared):
    root = write_raw(tmp_path, shared, n_events=2)
    (root / "CHANGES").write_text("1.0.3 2023-01-06\n  - updated event files\n1.0.0 2022-07-15\n  - Initial upload\n")
    with pytest.raises(BadInput, match="names version 1 as the newest, but 2.0.0 or later is needed"):
        open_source("things-meg", root)


def test_shifted_triggers_are_refused(tmp_path, shared):
    root = write_raw(tmp_path, shared, n_events=3)
    events = next(root.rglob("*ses-01*_events.tsv"))
    events.write_text(events.read_text().replace("\t3425", "\t3605"))
    with pytest.raises(
        BadInput, match="row 1 has sample 3605 and onset .*which is sample 3425, .* triggers are shifted"
    ):
        readings(root)


def test_a_truncated_run_is_refused(tmp_path, shared):
    root = write_raw(tmp_path, shared, n_events=3)
    meg4 = next(root.rglob("*.meg4"))
    meg4.write_bytes(meg4.read_bytes()[:100000])
    with pytest.raises(BadInput, match="cannot be read as a CTF recording .* download the run again"):
        readings(root)


def test_pictures_without_a_table_of_names_are_refused(tmp_path, shared):
    root = write_raw(tmp_path, shared, n_events=2)
    shutil.rmtree(root / "sourcedata")
    with pytest.raises(BadInput, match="neither sourcedata/sample_attributes_P1.csv nor image_paths.csv is here"):
        readings(root)
    names = picture_names(shared)
    (root / "image_paths.csv").write_text("\n".join(f"images/{n.rsplit('_', 1)[0]}/{n}" for n in names))
    assert readings(root)[0].trials.picture[0] == names[24812 - 1].removesuffix(".jpg")
