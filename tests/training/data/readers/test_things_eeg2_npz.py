import numpy as np
import pytest

from realtime.errors import BadInput
from training.data.readers.open import open_source
from training.data.readers.splits import SplitRule, make_splitter, readings_of


@pytest.fixture
def real(shared):
    return shared / "things_eeg2_sub01" / "sub-01_test_even_rows.npz"


def test_the_real_trials_are_read_with_picture_day_and_onset(real):
    published = open_source("things-eeg2", real)
    readings = [reading for session in published.sessions for reading in session.read()]
    assert sum(len(reading.trials) for reading in readings) == 1700
    first = readings[0]
    assert first.trials.picture[0] == "aircraft_carrier_06s"
    assert first.trials.day[:3].tolist() == [4, 4, 2]
    assert (first.signal.sfreq, first.signal.onset_row, first.signal.ch_names) == (100.0, 20, ("posterior mean",))
    with np.load(real) as held:
        np.testing.assert_array_equal(first.signal.samples[:17, 0], held["eeg"][0])


def test_all_of_the_real_trials_are_test_trials(real):
    published = open_source("things-eeg2", real)
    splits = [split for _, _, split in readings_of(published, make_splitter(published, SplitRule()))]
    assert set(np.concatenate(splits).tolist()) == {"test"}


def test_the_mean_real_response_peaks_after_the_onset(real):
    published = open_source("things-eeg2", real)
    signal = np.concatenate([r.signal.samples for s in published.sessions for r in s.read()])[:, 0].mean(axis=0)
    assert 0.07 <= (np.argmax(signal[20:40]) / 100) <= 0.11


def test_one_file_takes_no_subjects(real):
    with pytest.raises(BadInput, match=r"subjects is \[1\], but one file holds one subject"):
        open_source("things-eeg2", real, [1])


def test_a_file_without_a_key_names_it(tmp_path):
    np.savez(tmp_path / "x.npz", eeg=np.zeros((2, 3, 4)), times=np.arange(4) / 100)
    with pytest.raises(BadInput, match="key 'image' is missing among eeg, times"):
        open_source("things-eeg2", tmp_path / "x.npz")


def test_a_truncated_file_is_refused(tmp_path, real):
    path = tmp_path / "cut.npz"
    path.write_bytes(real.read_bytes()[:5000])
    with pytest.raises(BadInput, match="cut.npz: not a readable npz file"):
        open_source("things-eeg2", path)


def test_lengths_that_do_not_fit_are_named(tmp_path):
    words = np.array(["a", "b"])
    np.savez(
        tmp_path / "x.npz", eeg=np.zeros((2, 3, 4)), times=np.arange(5) / 100, image=words, concept=words, day=[1, 2, 3]
    )
    (session,) = open_source("things-eeg2", tmp_path / "x.npz").sessions
    with pytest.raises(BadInput, match=r"eeg has shape \(2, 3, 4\), but .* so \(2, 3, 5\) is needed"):
        list(session.read())
