import pytest

from realtime.errors import BadInput, check_folder_of


def test_a_file_in_an_existing_folder_and_no_file_pass(tmp_path):
    check_folder_of(tmp_path / "a.json", "--json")
    check_folder_of(None, "--json")


def test_a_folder_and_a_file_without_a_folder_are_refused(tmp_path):
    with pytest.raises(BadInput, match="--json: .* is a folder, a file is needed"):
        check_folder_of(tmp_path, "--json")
    with pytest.raises(BadInput, match="--json: .* cannot be written, there is no folder"):
        check_folder_of(tmp_path / "none" / "a.json", "--json")
