import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.published.things_eeg2 import write_raw
from training.data.readers.open import open_source
from training.data.readers.splits import SplitRule, make_splitter, readings_of
from training.data.readers.trials import OTHER, TRAIN
from training.data.segments import unbroken_spans


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shared):
    return write_raw(tmp_path_factory.mktemp("raw"), shared / "things_eeg2_meta", days=(1, 2))


def first(root, number=0):
    (reading,) = open_source("things-eeg2", root).sessions[number].read()
    return reading


def test_codes_are_the_real_order_of_the_pictures(folder, shared):
    reading = first(folder)
    with np.load(shared / "things_eeg2_meta" / "train_days_and_order.npz") as table:
        order = table["sub01_ses01"][:, :1].ravel()
    names = np.load(folder / "image_metadata.npy", allow_pickle=True).item()["train_img_files"]
    wanted = ["" if code == 0 else names[code - 1][:-4] for code in order]
    assert reading.trials.picture.tolist() == wanted
    assert (reading.trials.subset == OTHER).sum() == (order == 0).sum()
    assert set(reading.trials.day.tolist()) == {1}
    assert reading.signal.samples.shape[1] == 63


def test_joined_recordings_are_taken_apart_at_their_seams(folder):
    reading = first(folder)
    assert len(reading.signal.gaps) == 4
    spans = unbroken_spans(reading.signal)
    offsets = [float(np.median(reading.signal.samples[begin:end])) for begin, end, _ in spans]
    np.testing.assert_allclose(offsets, [0, 100, 200, 300, 400], atol=5)  # each recording began at another offset
    inside = [((reading.trials.row >= begin) & (reading.trials.row < end)).sum() for begin, end, _ in spans]
    assert inside == [60] * 5
    assert "seams" in reading.signal.warnings[-1]


def test_every_picture_keeps_a_second_of_signal_on_both_sides_of_a_seam(folder):
    reading = first(folder)
    edges = np.array([row for row, _ in reading.signal.gaps])
    assert np.abs(reading.trials.row[:, None] - edges).min() >= 200


def test_a_response_follows_the_stimulus_of_each_code(folder):
    reading = first(folder)
    shown = reading.trials.row[reading.trials.subset == TRAIN]
    centred = reading.signal.samples - np.median(reading.signal.samples[shown], axis=1).mean()
    assert centred.shape == reading.signal.samples.shape
    from tests.helpers.published.signals import topography

    at, picture = shown[3], reading.trials.picture[reading.trials.subset == TRAIN][3]
    row = reading.signal.samples[at + 24]  # 0.12 s
    assert np.corrcoef(row - row.mean(), topography(picture, 63))[0, 1] > 0.4


def test_a_missing_day_is_a_finding_with_its_cost(folder):
    published = open_source("things-eeg2", folder)
    assert published.days == (1, 2)
    assert any("lacks day 3, 4" in one.what and "2 recording days" in one.cost for one in published.findings)


def test_days_of_validation_and_training_are_apart(folder):
    published = open_source("things-eeg2", folder)
    days = {"train": set(), "valid": set(), "test": set()}
    for session, _, split in readings_of(published, make_splitter(published, SplitRule(valid=0.2))):
        for name in days:
            days[name] |= {session.day} if (split == name).any() else set()
    assert days == {"train": {1}, "valid": {2}, "test": {2}}


def test_sessions_that_hold_nothing_of_a_split_are_not_opened(folder):
    published = open_source("things-eeg2", folder)
    splitter = make_splitter(published, SplitRule())
    opened = [session.name for session, _, _ in readings_of(published, splitter, "train")]
    assert [name[-34:] for name in opened] == ["sub-01/ses-01/raw_eeg_training.npy"]


def test_pictures_that_were_shown_too_seldom_are_counted(folder):
    warnings = " ".join(first(folder).signal.warnings)
    assert "pictures were shown where 8,270 are usual; the others are left out" in warnings
    assert "fewer than 2 times" in warnings


def damaged(tmp_path, shared, change):
    root = write_raw(tmp_path, shared / "things_eeg2_meta", days=(1,))
    path = root / "sub-01" / "ses-01" / "raw_eeg_training.npy"
    held = np.load(path, allow_pickle=True).item()
    change(held)
    np.save(path, held)
    return root


def wrong_code(held):
    held["raw_eeg_data"][-1][np.flatnonzero(held["raw_eeg_data"][-1])[7]] = 20000


def no_code(held):
    held["raw_eeg_data"][-1] = 0


def fewer_channels(held):
    held["raw_eeg_data"] = held["raw_eeg_data"][1:]


def no_stim(held):
    held["ch_names"][-1] = "STI"


def no_rate(held):
    del held["sfreq"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (wrong_code, "stim holds code 20000 at sample .*, but 1 to 16540 or 99999 is needed"),
        (no_code, "stim holds no picture code"),
        (fewer_channels, r"raw_eeg_data has shape \(63, .*but 64 ch_names need \(64, samples\)"),
        (no_stim, "ch_names has 0 channels called stim"),
        (no_rate, "but needs the keys raw_eeg_data, ch_names, sfreq"),
    ],
)
def test_a_raw_file_that_does_not_fit_is_refused(tmp_path, shared, change, sentence):
    with pytest.raises(BadInput, match=sentence):
        first(damaged(tmp_path, shared, change))
