import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.alljoined import events_of, write_bids, write_makers
from training.data.readers.alljoined import read_events, training_events
from training.data.readers.open import open_source
from training.data.readers.trials import OTHER, TEST, TRAIN


@pytest.fixture(scope="module")
def makers(tmp_path_factory, shared):
    return write_makers(tmp_path_factory.mktemp("makers"), shared / "things_eeg2_meta")


@pytest.fixture(scope="module")
def bids(tmp_path_factory, shared):
    days = ("01", "02", "02old")
    return write_bids(tmp_path_factory.mktemp("bids"), shared / "things_eeg2_meta", days)


def readings(root):
    return [reading for session in open_source("alljoined", root).sessions for reading in session.read()]


def test_blocks_of_the_makers_hold_test_and_training_pictures(makers, shared):
    test, train = readings(makers)[:2]
    assert test.signal.samples.shape[1] == 32
    assert test.signal.ch_names[2] == "AFz"
    assert set(test.trials.subset) == {TEST, OTHER}
    assert set(train.trials.subset) == {TRAIN, OTHER}
    onset, _, picture, _ = events_of("stim_train", 0, 15)[0]
    names = np.load(shared / "things_eeg2_meta" / "image_metadata.npy", allow_pickle=True).item()["train_img_files"]
    assert train.trials.picture[0] == names[picture][:-4]
    assert train.trials.row[0] == round(onset * 256)


def test_training_pictures_of_the_bids_copy_come_from_the_marker_files(bids):
    test, train = readings(bids)[:2]
    assert set(test.trials.subset) == {TEST, OTHER}
    assert set(train.trials.subset) == {TRAIN, OTHER}
    wanted = [round(onset * 256) for onset, kind, _, _ in events_of("stim_train", 0, 6) if kind != "behav"]
    assert np.abs(train.trials.row - wanted).max() <= 1
    assert (train.trials.picture[train.trials.subset == OTHER] == "").all()


def test_a_day_that_was_recorded_again_is_left_out(bids):
    published = open_source("alljoined", bids)
    assert published.days == (1, 2)
    assert any("ses-02old" in finding.what for finding in published.findings)


def test_without_marker_files_only_test_trials_are_left_and_it_says_so(tmp_path, shared):
    root = write_bids(tmp_path, shared / "things_eeg2_meta", ("01",))
    for path in (root / "sourcedata").rglob("*.json"):
        path.unlink()
    published = open_source("alljoined", root)
    assert any(
        "2 marker files are not here" in one.what and "test trials only" in one.cost for one in published.findings
    )
    parts = {part for session in published.sessions for one in session.read() for part in one.trials.subset.tolist()}
    assert TRAIN not in parts


def test_events_with_a_byte_order_mark_are_read(bids):
    path = next(bids.rglob("*run-01_events.tsv"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_events(path, 256.0)[0][1] == "stim_test"


def test_a_marker_file_of_another_clock_is_refused(tmp_path, shared):
    root = write_bids(tmp_path, shared / "things_eeg2_meta", ("01",), late_s=0.2)
    with pytest.raises(BadInput, match="its clock misses the events by up to .* ms, but 20 ms or less is needed"):
        readings(root)


def test_a_marker_file_without_common_markers_is_refused(bids):
    path = next(bids.rglob("*run-05_recording.json"))
    with pytest.raises(BadInput, match="shares 0 markers with the events file"):
        training_events(path, [(1.0, "behav", 9, 999)])


def test_shifted_samples_are_refused(tmp_path, shared):
    root = write_bids(tmp_path, shared / "things_eeg2_meta", ("01",))
    path = next(root.rglob("*run-01_events.tsv"))
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text("\n".join([lines[0], *(line.rsplit("\t", 1)[0] + "\t9999" for line in lines[1:])]))
    with pytest.raises(BadInput, match="row 1 has sample 9999 .* triggers are shifted"):
        readings(root)


def test_a_picture_of_another_part_is_refused(tmp_path, shared):
    root = write_bids(tmp_path, shared / "things_eeg2_meta", ("01",))
    path = next(root.rglob("*run-01_events.tsv"))
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("stim_test,165", "stim_test,99", 1).replace("stim_test,166", "stim_test,99", 1))
    with pytest.raises(BadInput, match="is marked as test, but 16540 to 16739 are the test pictures"):
        readings(root)


def test_without_the_list_of_pictures_ten_numbers_share_a_concept(tmp_path, shared):
    root = write_bids(tmp_path, shared / "things_eeg2_meta", ("01",))
    (root / "image_metadata.npy").unlink()
    published = open_source("alljoined", root)
    assert any("image_metadata.npy of THINGS-EEG2 is not here" in finding.what for finding in published.findings)
    trials = [reading.trials for session in published.sessions for reading in session.read()][1]
    shown = trials.subset == TRAIN
    picture, concept = trials.picture[shown][0], trials.concept[shown][0]
    assert concept == f"concept {int(picture) // 10}"


def test_a_recording_cut_short_is_refused(tmp_path, shared):
    root = write_makers(tmp_path, shared / "things_eeg2_meta", (1,))
    for path in root.rglob("*.edf"):
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadInput):
        readings(root)
