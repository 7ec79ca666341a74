"""What is learned from is never what is scored on, and every method gets the same."""

import os

import pytest

from benchmarks.accuracy.run import TASKS
from benchmarks.accuracy.splits import make_splits
from realtime.command_line import shipped_folder
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment
from training.data.checks import label_counts
from training.data.dataset import load_dataset, load_split, load_splits


def names(files) -> list[str]:
    return [str(file).rsplit("/", 1)[-1] for file in files]


def test_without_test_files_seed_i_holds_out_recording_i_and_learns_from_all_others(tmp_path):
    data = load_dataset(write_experiment(tmp_path, files={"train": ["a.npz", "b.npz"], "valid": ["c.npz"]}))
    splits = make_splits(data, 4)
    assert [names(split.held_out) for split in splits] == [["a.npz"], ["b.npz"], ["c.npz"], ["a.npz"]]
    assert [names(split.train) for split in splits] == [
        ["b.npz", "c.npz"],
        ["a.npz", "c.npz"],
        ["a.npz", "b.npz"],
        ["b.npz", "c.npz"],
    ]
    assert [split.seed for split in splits] == [0, 1, 2, 3]


def test_every_seed_is_scored_on_the_test_files_and_never_trained_on_them(tmp_path):
    splits = make_splits(load_dataset(write_experiment(tmp_path)), 3)
    assert [names(split.held_out) for split in splits] == [["d.npz"]] * 3
    assert [names(split.train) for split in splits] == [["a.npz", "b.npz"]] * 3


def test_no_split_reads_a_file_in_two_roles(tmp_path):
    """As it is loaded: what a split reads for training and for the score, by its samples."""
    data = load_dataset(write_experiment(tmp_path, files={"train": ["[ab].npz"], "valid": ["c.npz"]}))
    for split in make_splits(data, 3):
        found = load_splits(split.load())
        assert found["valid"] == []
        learned = {recording.samples.tobytes() for recording in found["train"]}
        scored = {recording.samples.tobytes() for recording in found["test"]}
        assert len(learned) == 2
        assert len(scored) == 1
        assert not learned & scored


def test_simulated_sessions_are_held_out_by_their_seeds(tmp_path):
    simulate = {"ch_names": ["Fz", "Cz"], "sfreq": 128, "minutes": 0.2, "labels": ["x", "y"], "dim": 4}
    files = {"train": [1, 2], "valid": [3]}
    data = load_dataset(
        write_experiment(tmp_path, reader="simulated", simulate=simulate, events={}, files=files, name="played")
    )
    assert [(split.train, split.held_out) for split in make_splits(data, 2)] == [((2, 3), (1,)), ((1, 3), (2,))]


def test_one_recording_cannot_be_held_out_of_itself(tmp_path):
    data = load_dataset(write_experiment(tmp_path, files={"train": ["a.npz"]}))
    with pytest.raises(BadInput, match="names 1 recording, but a bench needs 2 or more"):
        make_splits(data, 1)


@pytest.mark.parametrize(("task", "trials"), list(zip(TASKS, (60, 60, 131, 781, 966, 1035), strict=True)))
def test_every_shipped_task_has_three_recordings_to_hold_out_each_with_both_labels(task, trials):
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip(f"set GLIMPSE_DATA to a folder with the recordings that datasets/{task}.yaml names")
    data = load_dataset(shipped_folder("datasets") / f"{task}.yaml")
    splits = make_splits(data, 3)
    assert len({split.held_out for split in splits}) == 3
    assert label_counts(load_split(data, "train") + load_split(data, "valid")).total() == trials
    assert all(set(label_counts(load_split(split.load(), "test"))) == set(data.labels) for split in splits)
