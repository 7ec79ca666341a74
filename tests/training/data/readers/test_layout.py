import pytest

from realtime.errors import BadInput
from training.data.readers.layout import (
    check_here,
    choose_subjects,
    is_here,
    is_pointer,
    pointers_among,
    recording_bytes,
    subject_folders,
)

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n"
ANNEX = "../../.git/annex/objects/aa/bb/MD5E-s1--x.eeg/MD5E-s1--x.eeg"


@pytest.mark.parametrize("content", ["", LFS, ANNEX, "/annex/objects/MD5E-s1--x"])
def test_a_pointer_is_not_taken_for_the_file(tmp_path, content):
    path = tmp_path / "x.eeg"
    path.write_text(content)
    assert is_pointer(path)
    assert not is_here(path)
    with pytest.raises(BadInput, match="x.eeg: was not downloaded .*, but it is needed; run `datalad get"):
        check_here(path, "it is needed")


def test_a_link_without_target_is_a_pointer(tmp_path):
    (tmp_path / "x.eeg").symlink_to(ANNEX)
    assert is_pointer(tmp_path / "x.eeg")


def test_a_small_file_with_content_is_no_pointer(tmp_path):
    (tmp_path / "x.vhdr").write_text("Brain Vision Data Exchange Header File Version 1.0")
    assert is_here(tmp_path / "x.vhdr")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(BadInput, match="there is no such file, but it holds the signal"):
        check_here(tmp_path / "x.eeg", "it holds the signal")


def test_pointers_are_one_finding_with_their_count(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(LFS)
    (finding,) = pointers_among([tmp_path / name for name in "abc"], tmp_path)
    assert finding.what == "3 files were not downloaded, the first is a"
    assert "datalad get a" in finding.cost
    assert pointers_among([], tmp_path) == ()


def test_subjects_are_found_by_number(tmp_path):
    for name in ("sub-10", "sub-02", "sub-02old", "other"):
        (tmp_path / name).mkdir()
    assert list(subject_folders(tmp_path)) == [2, 10]
    assert choose_subjects([2, 10], None, tmp_path, off=(10,)) == [2]
    assert choose_subjects([2, 10], [10, 2, 10], tmp_path, off=(10,)) == [10, 2]
    with pytest.raises(BadInput, match="subjects has 3, but the folder holds 2, 10"):
        choose_subjects([2, 10], [3], tmp_path)


def test_the_size_of_a_recording_counts_its_companions(tmp_path):
    (tmp_path / "a.vhdr").write_bytes(b"12")
    (tmp_path / "a.eeg").write_bytes(b"12345")
    (tmp_path / "ab.eeg").write_bytes(b"1")
    assert recording_bytes(tmp_path / "a.vhdr") == 7
    assert recording_bytes(tmp_path) == 8
