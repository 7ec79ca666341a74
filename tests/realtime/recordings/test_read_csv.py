"""CSV files as muse-lsl writes them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from realtime.recordings.read import read_recording
from tests.helpers.recording_files import shared, wave
from tests.helpers.recordings import write_csv


def csv_of(path: Path, samples: np.ndarray, markers: list, sfreq: float = 256.0) -> Path:
    columns = {f"E{i}": samples[:, i].tolist() for i in range(samples.shape[1])}
    return write_csv(path, np.arange(len(samples)) / sfreq, columns | {"Marker0": markers})


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.sampled_from(["0", "", "1", "2", "1.0", " 2 ", "0.0", "left hand"]), min_size=2, max_size=60),
    sfreq=st.sampled_from([128.0, 250.0, 256.0, 500.0]),
)
@example(labels=["1", "1", "0", "1"], sfreq=256.0)
def test_csv_has_its_samples_and_the_first_row_of_each_marker(tmp_path_factory, labels, sfreq):
    samples = wave(len(labels), 3)
    path = csv_of(tmp_path_factory.mktemp("csv") / "a.csv", samples, labels, sfreq)
    recording = read_recording(path)
    clean = [normalise_marker(label) if normalise_marker(label) not in ("", "0") else None for label in labels]
    onsets = [(i, c) for i, c in enumerate(clean) if c and (i == 0 or clean[i - 1] != c)]
    np.testing.assert_array_equal(recording.samples, samples)
    assert recording.samples.dtype == np.float32
    assert recording.ch_names == ("E0", "E1", "E2")
    assert list(recording.markers) == onsets
    assert recording.gaps == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line is ''"),
        ("0.1,2,3\n0.2,3,4\n", "the first line is '0.1,2,3', but column names"),
        ("t,Cz\n0.0,1\n0.1\n", "line 3 has 1 cells"),
        ("t,Cz\n0.0,1\n0.1,bad\n", "column 'Cz' holds 'bad' in line 3"),
        ("t,Cz\n0.0,1\n0.1,nan\n", "channel 'Cz' holds nan at sample 1"),
        ("t,Cz\n0.0,1\n", "1 rows with 1 usable time stamps"),
        ("t,Cz\n0.2,1\n0.1,2\n", "go from 0.2 to 0.1, but need to increase"),
        ("t,Cz\n0,1\n4,2\n8,2\n", "column 't' steps by 4"),
        ("t\n0.0\n0.1\n", "column names are needed"),
    ],
)
def test_an_unusable_csv_file_is_refused_with_its_name_and_value(tmp_path, text, sentence):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence) as error:
        read_recording(path)
    assert str(path) in str(error.value)


def test_a_marker_column_can_be_named_and_must_exist(tmp_path):
    path = write_csv(tmp_path / "a.csv", np.arange(4) / 4, {"Cz": [1, 2, 3, 4], "events": [0, 7, 0, 8]})
    assert read_recording(path, marker_column="events").markers == ((1, "7"), (3, "8"))
    assert read_recording(path).ch_names == ("Cz", "events")
    with pytest.raises(BadInput, match=r"there is no column 'Markers' among Cz, events"):
        read_recording(path, marker_column="Markers")


@pytest.mark.parametrize(
    "block", ["muse_n170/subject1/block1.csv", "muse_ssvep/block4.csv", "muse_n170/subject2/block1.csv"]
)
def test_real_muse_files_are_256_hz_without_gaps(block):
    path = shared(block, "github.com/NeuroTechX/EEG-ExPy and github.com/alexandrebarachant/muse-lsl")
    recording = read_recording(path)
    assert (recording.sfreq, recording.gaps) == (256.0, ())
    assert recording.ch_names == ("TP9", "AF7", "AF8", "TP10", "Right AUX")
    assert {label for _, label in recording.markers} == {"1", "2"}
