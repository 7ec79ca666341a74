from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.readers.own_pictures import open_stimuli, read_stimuli


def pictures(root: Path, names=("cat/c1.jpg", "cat/c2.jpg", "dog/d1.png")) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"picture")
    return root


def recording(*markers: str) -> Recording:
    rows = tuple((10 * i, marker) for i, marker in enumerate(markers))
    return Recording(np.zeros((1000, 2), np.float32), 100.0, ("O1", "O2"), rows, (), "one.edf")


def trials_of(stimuli, *markers: str):
    path = Path(__file__)
    published = open_stimuli({path: ("train",)}, stimuli, lambda _: recording(*markers), path.parent)
    ((found,),) = [list(session.read()) for session in published.sessions]
    return found.trials


def test_markers_that_name_pictures_are_events_with_the_concepts_of_the_folders(tmp_path):
    trials = trials_of(read_stimuli(pictures(tmp_path)), "start", "c1.jpg", "cat/c2.jpg", "d1", "end")
    assert trials.picture.tolist() == ["c1", "c2", "d1"]
    assert trials.concept.tolist() == ["cat", "cat", "dog"]
    assert trials.row.tolist() == [10, 20, 30]


def test_pictures_of_one_name_in_two_folders_are_told_by_their_folder(tmp_path):
    stimuli = read_stimuli(pictures(tmp_path, ("cat/01.jpg", "dog/01.jpg")))
    trials = trials_of(stimuli, "cat/01.jpg", "dog/01", "01.jpg")
    assert trials.picture.tolist() == ["cat/01", "dog/01"]


def test_a_table_gives_marker_file_and_concept(tmp_path):
    pictures(tmp_path)
    table = tmp_path / "stimuli.tsv"
    table.write_text("marker\tfile\tconcept\n1\tcat/c1.jpg\ttabby\n2.0\tdog/d1.png\t\n")
    trials = trials_of(read_stimuli(table), "1.0", "2", "3")
    assert trials.picture.tolist() == ["c1", "d1"]
    assert trials.concept.tolist() == ["tabby", "dog"]


def test_a_table_without_markers_goes_by_the_file(tmp_path):
    pictures(tmp_path)
    table = tmp_path / "stimuli.csv"
    table.write_text("file,concept\ncat/c1.jpg,cat\n")
    assert trials_of(read_stimuli(table), "c1").picture.tolist() == ["c1"]


def test_an_absent_picture_is_named_with_its_count(tmp_path):
    table = tmp_path / "stimuli.csv"
    table.write_text("marker,file\n1,a.jpg\n2,b.jpg\n")
    with pytest.raises(BadInput, match=r"file .*a.jpg is not here \(2 of 2 pictures\)"):
        read_stimuli(table)


def test_one_marker_for_two_pictures_is_refused(tmp_path):
    pictures(tmp_path)
    table = tmp_path / "stimuli.csv"
    table.write_text("marker,file\n1,cat/c1.jpg\n1,cat/c2.jpg\n")
    with pytest.raises(BadInput, match="line 3 has marker '1' a second time"):
        read_stimuli(table)


def test_a_recording_without_pictures_says_what_its_markers_are(tmp_path):
    with pytest.raises(BadInput, match=r"no marker names a picture of .*; the recording has '7' \(2\)"):
        trials_of(read_stimuli(pictures(tmp_path)), "7", "7")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_pictures_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="stimuli (needs a folder of pictures|holds no picture)"):
        read_stimuli(tmp_path / name)


def test_a_table_without_files_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("marker,picture\n1,a.jpg\n")
    with pytest.raises(BadInput, match="its columns are marker, picture, but `file` is needed"):
        read_stimuli(tmp_path / "t.csv")


def test_a_recording_is_handed_on_as_it_was_read(tmp_path):
    stimuli = read_stimuli(pictures(tmp_path))
    path = Path(__file__)
    whole = replace(recording("c1"), gaps=((5, 3),))
    ((found,),) = [
        list(s.read()) for s in open_stimuli({path: ("train",)}, stimuli, lambda _: whole, path.parent).sessions
    ]
    assert found.signal is whole
