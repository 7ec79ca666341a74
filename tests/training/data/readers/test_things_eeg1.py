import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.things_eeg1 import write_things_eeg1
from training.data.readers.open import open_source
from training.data.readers.splits import SplitRule, make_splitter, readings_of
from training.data.readers.trials import TEST, TRAIN


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shared):
    return write_things_eeg1(tmp_path_factory.mktemp("eeg1"), shared / "things_eeg1_events", (1, 2))


def reading(root, subject=2):
    (session,) = open_source("things-eeg1", root, [subject]).sessions
    (found,) = session.read()
    return found


def test_every_event_is_a_picture_at_its_sample(folder):
    found = reading(folder)
    assert found.signal.samples.shape[1] == 63
    assert len(found.trials) == 13 * 20
    assert found.trials.picture[0] == "volleyball_08s"
    assert found.trials.concept[0] == "volleyball"
    np.testing.assert_array_equal(np.diff(found.trials.row[:5]), 100)  # milliseconds are samples at 1 kHz
    assert set(found.trials.subset) == {TRAIN, TEST}


def test_validation_rows_take_their_concept_from_the_path(folder):
    trials = reading(folder).trials
    assert "-1" not in set(trials.concept)
    assert trials.concept[-1] in trials.picture[-1]


def test_a_response_follows_each_picture_and_not_the_row_before(folder):
    found = reading(folder)
    rows = found.trials.row
    power = [(found.signal.samples[rows + shift] ** 2).mean() for shift in (-400, 120)]
    assert power[1] > 1.1 * power[0]


def test_a_subject_without_validation_is_named_and_off_by_default(folder):
    published = open_source("things-eeg1", folder)
    assert [session.subject for session in published.sessions] == ["02"]
    assert any("subject 1 has no validation pictures" in one.what for one in published.findings)
    assert len(open_source("things-eeg1", folder, [1, 2]).sessions) == 2


def test_columns_are_read_by_name(folder):
    # The events of subject 1 have other columns, in another order, and no validation pictures.
    assert set(reading(folder, 1).trials.subset) == {TRAIN}


def test_splits_hold_out_the_last_block(folder):
    published = open_source("things-eeg1", folder)
    splitter = make_splitter(published, SplitRule(valid=0.3))
    ((_, found, split),) = readings_of(published, splitter)
    assert set(found.trials.day[split == "train"].tolist()) <= set(range(1, 12))
    assert set(found.trials.day[split == "valid"].tolist()) == {12}


def test_a_subject_that_is_not_there_is_named(folder):
    with pytest.raises(BadInput, match="subjects has 7, but the folder holds 1, 2; download the subject or leave"):
        open_source("things-eeg1", folder, [7])


def test_a_pointer_in_place_of_a_recording_names_the_command(tmp_path, shared):
    root = write_things_eeg1(tmp_path, shared / "things_eeg1_events")
    data = root / "sub-02" / "eeg" / "sub-02_task-rsvp_eeg.eeg"
    data.unlink()
    data.symlink_to("../../.git/annex/objects/aa/bb/MD5E-s1--x.eeg/MD5E-s1--x.eeg")
    with pytest.raises(BadInput, match="was not downloaded .*run `datalad get"):
        open_source("things-eeg1", root, [2])
    published = open_source("things-eeg1", root)
    assert not published.sessions
    assert "1 files were not downloaded" in published.findings[0].what


def test_a_truncated_recording_says_where_it_ends(tmp_path, shared):
    root = write_things_eeg1(tmp_path, shared / "things_eeg1_events")
    data = root / "sub-02" / "eeg" / "sub-02_task-rsvp_eeg.eeg"
    data.write_bytes(data.read_bytes()[: 63 * 2 * 5000])
    with pytest.raises(BadInput, match="ends at 5.0 s, but sub-02_task-rsvp_events.tsv has an event at .* cut short"):
        reading(root)


def test_shifted_triggers_are_refused(tmp_path, shared):
    root = write_things_eeg1(tmp_path, shared / "things_eeg1_events", shift=40)
    with pytest.raises(BadInput, match="100% of the events lie 40 samples from the markers .* triggers are shifted"):
        reading(root)


def test_a_wrong_channel_count_is_refused(tmp_path, shared):
    root = write_things_eeg1(tmp_path, shared / "things_eeg1_events")
    header = root / "sub-02" / "eeg" / "sub-02_task-rsvp_eeg.vhdr"
    text = header.read_text(encoding="utf-8").replace("NumberOfChannels=63", "NumberOfChannels=62")
    header.write_text("\n".join(line for line in text.splitlines() if not line.startswith("Ch63")), encoding="utf-8")
    with pytest.raises(BadInput, match="holds 62 EEG channels, but 63 are needed"):
        reading(root)


def test_another_folder_is_not_taken_for_the_set(tmp_path):
    with pytest.raises(
        BadInput,
        match="root holds no sub-XX/eeg/sub-XX_task-rsvp_eeg.vhdr, but the folder of OpenNeuro ds003825 is needed",
    ):
        open_source("things-eeg1", tmp_path)
