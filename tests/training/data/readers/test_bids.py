import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.bids import CONCEPTS, write_bids
from training.data.readers.bids import open_bids, read_events
from training.data.readers.open import open_source
from training.data.readers.own_pictures import read_stimuli
from training.data.readers.splits import SplitRule, make_splitter, readings_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_bids(tmp_path_factory.mktemp("bids"), sessions=2)


def first(root, **options):
    (reading,) = open_bids(root, None, **options).sessions[0].read()
    return reading


def test_events_with_a_picture_are_trials_at_their_second(folder):
    reading = first(folder)
    assert reading.trials.row.tolist() == [500 + 375 * i for i in range(24)]
    assert set(reading.trials.concept.tolist()) == set(CONCEPTS)
    assert reading.trials.picture[0].startswith(reading.trials.concept[0])


def test_types_come_from_channels_tsv_and_positions_from_electrodes_tsv(folder):
    signal = first(folder).signal
    assert signal.ch_names == ("Fp1", "Fp2", "O1", "Oz", "O2", "Pz")
    assert np.isfinite(signal.positions_m).all()
    assert signal.positions_m[1, 1] > 0.05
    assert 7 < signal.samples.std() < 10  # microvolts


def test_electrodes_in_another_unit_than_named_are_placed_by_name(tmp_path):
    reading = first(write_bids(tmp_path, unit="mm", factor=100.0))
    assert reading.signal.positions_m is None
    assert "which no head's do" in reading.signal.warnings[0]


def test_sessions_are_days_and_are_held_apart(folder):
    published = open_source("bids", folder)
    assert published.days == (1, 2)
    splitter = make_splitter(published, SplitRule(valid=("cat",), test=("dog", "tree")))
    found = {}
    for session, reading, split in readings_of(published, splitter):
        for name in ("train", "valid", "test"):
            found.setdefault(name, set()).update(
                (session.day, c) for c in reading.trials.concept[split == name].tolist()
            )
    assert found["valid"] == {(2, "cat")}
    assert found["test"] == {(2, "dog"), (2, "tree")}
    assert {day for day, _ in found["train"]} == {1}
    assert not {concept for _, concept in found["train"]} & {"cat", "dog", "tree"}


def test_a_table_of_pictures_gives_the_concepts(folder, tmp_path):
    for concept in CONCEPTS:
        for i in (1, 2, 3):
            (tmp_path / f"{concept}_{i:02d}.jpg").touch()
            (tmp_path / f"{concept}_{i:02d}.jpg").write_bytes(b"x")
    lines = ["file,concept", *(f"{concept}_{i:02d}.jpg,a {concept}" for concept in CONCEPTS for i in (1, 2, 3))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    reading = first(folder, stimuli=read_stimuli(tmp_path / "table.csv"))
    assert set(reading.trials.concept.tolist()) == {f"a {concept}" for concept in CONCEPTS}


def test_a_picture_outside_the_table_is_named(folder, tmp_path):
    (tmp_path / "cat_01.jpg").write_bytes(b"x")
    (tmp_path / "table.csv").write_text("file,concept\ncat_01.jpg,cat\n")
    with pytest.raises(BadInput, match="row .* shows '.*', which is not among the pictures of"):
        first(folder, stimuli=read_stimuli(tmp_path / "table.csv"))


@pytest.mark.parametrize(
    ("path", "n", "name"),
    [
        ("eeg_ds003645s_hed_demo/sub-002/ses-1/eeg/sub-002_ses-1_task-FacePerception_run-1_events.tsv", 1, "u032"),
        ("eeg_matchingpennies/sub-05/eeg/sub-05_task-matchingpennies_events.tsv", 1, "left_hand"),
    ],
)
def test_real_events_files_name_their_pictures(shared, path, n, name):
    trials = read_events(shared / "bids_examples" / path, 250.0, 1, None)
    assert len(trials) >= n
    assert trials.picture[0] == name


@pytest.mark.parametrize("subject", [1, "01", "sub-01"])
def test_a_subject_is_found_by_number_and_by_name(folder, subject):
    assert len(open_bids(folder, [subject]).sessions) == 2


def test_a_folder_that_is_no_bids_set_is_refused(tmp_path):
    with pytest.raises(BadInput, match="dataset_description.json is missing"):
        open_source("bids", tmp_path)


def test_events_without_stim_file_are_named(tmp_path):
    root = write_bids(tmp_path)
    events = next(root.rglob("*_events.tsv"))
    events.write_text(events.read_text().replace("stim_file", "picture"))
    with pytest.raises(
        BadInput, match=r"1 recordings, none that can be used \(.* has no events with stim_file\), but needs EEG"
    ):
        open_source("bids", root)


def test_a_truncated_recording_is_refused(tmp_path):
    root = write_bids(tmp_path)
    data = next(root.rglob("*.eeg"))
    data.write_bytes(data.read_bytes()[: 7 * 2 * 1000])
    with pytest.raises(BadInput, match="ends at 4.0 s, but .*_events.tsv has an event at"):
        first(root)


def test_a_recording_of_the_wrong_kind_is_refused(folder):
    with pytest.raises(
        BadInput, match="holds no recording, but needs MEG recordings whose events.tsv has a column stim_file"
    ):
        open_bids(folder, None, "meg")


def test_a_recording_that_was_not_downloaded_is_said_so(shared):
    with pytest.raises(BadInput, match=r"none that can be used \(.*_eeg.set was not downloaded\)"):
        open_source("bids", shared / "bids_examples" / "eeg_ds003645s_hed_demo")
