"""Recordings as npz files."""

import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recordings.read import read_recording
from tests.helpers.recording_files import wave


def test_npz_has_the_saved_arrays(tmp_path):
    samples = wave(100, 2)
    path = tmp_path / "a.npz"
    np.savez(
        path, samples=samples, sfreq=250, ch_names=["Cz", "O1"], markers=[("50", "cat"), ("7", "dog"), ("100", "late")]
    )
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.samples, samples)
    assert (recording.sfreq, recording.ch_names) == (250.0, ("Cz", "O1"))
    assert recording.markers == ((7, "dog"), (50, "cat"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sfreq": None}, "key 'sfreq' is missing"),
        ({"samples": np.zeros((2, 100))}, r"samples have shape \(2, 100\), but 3 ch_names"),
        ({"samples": np.zeros((0, 3))}, "it holds 0 samples of 3 channels"),
        ({"samples": np.full((4, 3), np.inf)}, "channel 'Cz' holds inf at sample 0"),
        ({"sfreq": -1}, "sfreq is -1.0"),
    ],
)
def test_an_unusable_npz_file_is_refused(tmp_path, change, sentence):
    held = {"samples": np.zeros((5, 3)), "sfreq": 100, "ch_names": ["Cz", "O1", "O2"]} | change
    np.savez(tmp_path / "a.npz", **{key: value for key, value in held.items() if value is not None})
    with pytest.raises(BadInput, match=sentence):
        read_recording(tmp_path / "a.npz")
