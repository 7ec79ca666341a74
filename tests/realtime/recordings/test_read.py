import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.errors import BadInput
from realtime.recordings.read import read_recording


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_any_bytes_give_a_recording_or_a_bad_input(tmp_path_factory, suffix, content):
    path = tmp_path_factory.mktemp("bytes") / f"a{suffix}"
    path.write_bytes(content)
    try:
        sentence = f"{path}: {read_recording(path).samples.shape}"
    except BadInput as error:
        sentence = str(error)
    assert sentence.startswith(f"{path}: ")


def test_a_missing_file_a_broken_file_and_an_unknown_reader_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.edf: there is no such file"):
        read_recording(tmp_path / "none.edf")
    for name in ("a.edf", "a.fif", "a.xdf"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(BadInput, match=name):
            read_recording(tmp_path / name)
    with pytest.raises(BadInput, match="reader is 'magic', but needs one of auto, mne, xdf, csv, npz"):
        read_recording(tmp_path / "a.edf", "magic")
