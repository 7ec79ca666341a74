import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import BadInput
from training.data.readers.restricted_pickle import is_complete, load_arrays


class Code:
    """Pickles to a call of a shell command."""

    def __init__(self, witness: Path):
        self.witness = witness

    def __reduce__(self):
        return os.system, (f"touch {self.witness}",)


CONTENT = {
    "data": np.arange(24.0).reshape(2, 3, 4),
    "big_endian": np.arange(6, dtype=">f4").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "strided": np.arange(24.0).reshape(4, 6)[:, ::2],
    "text": np.array(["aardvark", "abacus"]),
    "ch_names": ["Pz", "Oz"],
    "sfreq": np.float64(250),
    "configs": {"baseline": (None, 0), "reject": None, "verbose": False},
}


def same(found: object, wanted: object) -> bool:
    if isinstance(wanted, np.ndarray):
        return np.array_equal(found, wanted) and found.dtype == wanted.dtype
    return found == wanted


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_bare_pickle_of_arrays_reads_as_pickle_would(tmp_path, protocol):
    path = tmp_path / "preprocessed_eeg_training.npy"
    path.write_bytes(pickle.dumps(CONTENT, protocol=protocol))
    found = load_arrays(path)
    assert found.keys() == CONTENT.keys()
    assert all(same(found[key], CONTENT[key]) for key in CONTENT)
    assert is_complete(path)


def test_a_dict_in_an_npy_file_reads_as_numpy_would(tmp_path):
    path = tmp_path / "raw_eeg_training.npy"
    np.save(path, CONTENT)
    assert all(same(load_arrays(path)[key], CONTENT[key]) for key in CONTENT)


def test_the_real_metadata_reads_as_numpy_would(shared):
    path = shared / "things_eeg2_meta" / "image_metadata.npy"
    assert load_arrays(path) == np.load(path, allow_pickle=True).item()


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("wrap", [lambda code: code, lambda code: {"data": code}, lambda code: [np.zeros(3), code]])
def test_a_pickle_with_code_is_refused_and_never_run(tmp_path, protocol, wrap):
    path, witness = tmp_path / "evil.npy", tmp_path / "ran"
    path.write_bytes(pickle.dumps(wrap(Code(witness)), protocol=protocol))
    with pytest.raises(BadInput, match=r"evil.npy: the pickle holds (posix|nt).system, but only arrays.*nothing of it"):
        load_arrays(path)
    assert not witness.exists()


def test_an_npy_file_with_code_is_refused_and_never_run(tmp_path):
    path, witness = tmp_path / "evil.npy", tmp_path / "ran"
    np.save(path, np.array(Code(witness), dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="system"):
        load_arrays(path)
    assert not witness.exists()


def test_code_hidden_behind_an_allowed_global_is_refused(tmp_path):
    # The state of a global replaces what it does, where a loader hands out plain functions.
    path = tmp_path / "evil.npy"
    path.write_bytes(b"cnumpy\ndtype\n(dVmake\nVposix\nsb.")
    with pytest.raises(BadInput, match="a global with a state"):
        load_arrays(path)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (np.array([1, None], dtype=object), "an array of objects"),
        (np.zeros(2, [("a", "f4")]), "an array of type 'V4'"),
        (np.zeros(2, "M8[s]"), "an array of type 'M8'"),
        ({1, 2}, "builtins.set|a set"),
        (Path("x"), "pathlib"),
    ],
)
def test_anything_but_plain_arrays_is_refused_by_name(tmp_path, value, named):
    path = tmp_path / "odd.npy"
    path.write_bytes(pickle.dumps({"data": value}, protocol=4))
    with pytest.raises(BadInput, match=named):
        load_arrays(path)


def test_bytes_that_do_not_fill_the_shape_are_refused(tmp_path):
    content = pickle.dumps(np.zeros((2, 3)), protocol=4)
    assert content.count(b"K\x02K\x03\x86") == 1
    path = tmp_path / "forged.npy"
    path.write_bytes(content.replace(b"K\x02K\x03\x86", b"K\x20K\x30\x86"))
    with pytest.raises(BadInput, match="do not fill it"):
        load_arrays(path)


def test_a_truncated_pickle_says_so_in_one_sentence(tmp_path):
    path = tmp_path / "cut.npy"
    content = pickle.dumps(CONTENT, protocol=4)
    path.write_bytes(content[: len(content) // 2])
    assert not is_complete(path)
    with pytest.raises(BadInput, match="cut.npy: the file is cut short or damaged .*download it again"):
        load_arrays(path)


def test_a_truncated_plain_array_is_not_complete(tmp_path):
    path = tmp_path / "cut.npy"
    np.save(path, np.zeros((10, 10)))
    assert is_complete(path)
    path.write_bytes(path.read_bytes()[:-8])
    assert not is_complete(path)
