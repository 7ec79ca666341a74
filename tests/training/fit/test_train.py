"""`glimpse train` end to end on small files: what it reads, what it decides, what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import LABELS, write_dataset, write_experiment, write_session
from training.commands.train import main
from training.data.checks import recordings_digest
from training.data.dataset import load_dataset, load_split
from training.fit.fit_method import TrainingJob
from training.fit.train import train
from training.runs.recipes import small
from training.runs.run import Run

QUICK = replace(small(), epochs=2)


def test_a_run_describes_its_network_and_its_training_data(trained):
    d = Run.load(trained.run).description
    assert (d.name, d.labels, d.ch_names) == ("rhythms", list(LABELS), ["Fz", "Cz", "Pz", "Oz"])
    read = {
        split: [recordings_digest(r) for r in load_split(load_dataset(trained.data), split)]
        for split in ("train", "valid")
    }
    assert d.data == {
        "train": {"files": ["a.npz", "b.npz"], "trials": {"slow": 16, "fast": 16}, "digests": read["train"]},
        "valid": {"files": ["c.npz"], "trials": {"slow": 8, "fast": 8}, "digests": read["valid"]},
    }
    assert d.preprocess["notch_hz"] is None
    assert d.calibration["n_trials"] == 16
    assert np.isfinite(np.array(d.positions_m, float)).all()
    log = [json.loads(line) for line in (trained.run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == list(range(1, 11))
    assert log[-1]["loss"] < log[0]["loss"]


def test_the_test_split_is_never_read(tmp_path):
    """Its file may vanish once the dataset file is checked, and the run is the same to the last bit without it."""
    dataset = load_dataset(write_experiment(tmp_path))
    (tmp_path / "d.npz").unlink()
    run = train(TrainingJob(dataset, QUICK, tmp_path / "run"))
    without = load_dataset(write_dataset(tmp_path, files={"train": ["a.npz", "b.npz"], "valid": ["c.npz"]}))
    other = train(TrainingJob(without, QUICK, tmp_path / "other"))
    assert run.description == other.description
    ours, theirs = run.checkpoint(), other.checkpoint()
    assert all(torch.equal(ours["network"][key], theirs["network"][key]) for key in ours["network"])


def test_validation_changes_no_weight_only_the_calibration(tmp_path):
    run = train(TrainingJob(load_dataset(write_experiment(tmp_path)), QUICK, tmp_path / "run"))
    other = train(
        TrainingJob(
            load_dataset(write_dataset(tmp_path, files={"train": ["a.npz", "b.npz"]})), QUICK, tmp_path / "other"
        )
    )
    ours, theirs = run.checkpoint(), other.checkpoint()
    assert all(torch.equal(ours["network"][key], theirs["network"][key]) for key in ours["network"])
    assert (run.description.calibration["n_trials"], other.description.calibration["n_trials"]) == (16, 0)


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    dataset = load_dataset(write_experiment(tmp_path))
    straight = train(TrainingJob(dataset, QUICK, tmp_path / "straight"))
    assert not train(TrainingJob(dataset, QUICK, tmp_path / "broken", stop_after=1)).finished
    assert (tmp_path / "broken" / "checkpoint.pt").exists()
    broken = train(TrainingJob(dataset, QUICK, tmp_path / "broken"))
    assert broken.finished
    assert broken.description == straight.description
    ours, theirs = straight.checkpoint(), broken.checkpoint()
    for part in ("network", "objective"):
        assert all(torch.equal(ours[part][key], theirs[part][key]) for key in ours[part])


@pytest.mark.parametrize(
    ("changes", "recipe", "named"),
    [
        ({"window_s": [0.0, 0.8]}, QUICK, "window_s"),
        ({"preprocess": {"highpass_hz": 2.0}}, QUICK, "preprocess"),
        ({"events": {"A": "slow", "B": "rapid"}}, QUICK, "labels"),
        ({}, replace(QUICK, lr=1e-4), "recipe"),
    ],
)
def test_a_folder_with_another_run_is_refused_and_left_as_it_was(tmp_path, changes, recipe, named):
    run = train(TrainingJob(load_dataset(write_experiment(tmp_path)), QUICK, tmp_path / "run", stop_after=1))
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    with pytest.raises(BadInput, match=named):
        train(TrainingJob(load_dataset(write_dataset(tmp_path, **changes)), recipe, run.path))
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before


def test_options_that_json_turns_into_lists_do_not_make_another_run(tmp_path):
    recipe = replace(QUICK, options=QUICK.options | {"power_windows_s": (0.5, 1.0)})
    dataset = load_dataset(write_experiment(tmp_path))
    train(TrainingJob(dataset, recipe, tmp_path / "run", stop_after=1))
    assert train(TrainingJob(dataset, recipe, tmp_path / "run")).finished


def refused(folder: Path, data: Path, *more: str) -> str:
    """The sentence; nothing is written."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput) as error:
        main(["--data", str(data), "--out", str(folder / "run"), *more])
    assert sorted(folder.rglob("*")) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_recordings_of_two_rates_are_refused(tmp_path):
    data = write_experiment(tmp_path)
    write_session(tmp_path / "c.npz", 2, sfreq=160)
    sentence = refused(tmp_path, data)
    for word in ("c.npz", "160 Hz", "128", "a.npz"):
        assert word in sentence


def test_a_label_that_comes_up_in_validation_only_is_refused(tmp_path):
    data = write_experiment(tmp_path, events={"A": "slow", "B": "fast", "C": "faster"})
    write_session(tmp_path / "c.npz", 2, markers="ABC")
    sentence = refused(tmp_path, data)
    assert "label 'faster' to marker 'C', but no file of files.train holds it" in sentence


def test_nonsense_numbers_are_refused(tmp_path):
    data = write_experiment(tmp_path)
    assert refused(tmp_path, data, "--epochs", "0") == "--epochs: 0 found, 1 or more needed"
    assert refused(tmp_path, data, "--seed", "-1") == "--seed: -1 found, 0 or more needed"
    assert "'huge'" in refused(tmp_path, data, "--recipe", "huge")


def test_a_file_where_the_run_should_go_is_refused(tmp_path):
    data = write_experiment(tmp_path)
    (tmp_path / "run").write_text("mine")
    assert "is a file" in refused(tmp_path, data)
    assert (tmp_path / "run").read_text() == "mine"


def test_a_seed_makes_a_run_and_another_seed_another(tmp_path):
    dataset = load_dataset(write_experiment(tmp_path))
    recipe = replace(QUICK, epochs=1)
    runs = [
        train(TrainingJob(dataset, replace(recipe, seed=seed), tmp_path / f"run{i}"))
        for i, seed in enumerate((0, 0, 1))
    ]
    one, two, three = (run.checkpoint()["network"]["head_evoked.weight"] for run in runs)
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_other_recordings_under_the_same_names_are_another_run(tmp_path):
    """A run's identity is what was read, not what the files are called."""
    data = write_experiment(tmp_path)
    train(TrainingJob(load_dataset(data), QUICK, tmp_path / "run", stop_after=1))
    write_session(tmp_path / "a.npz", seed=11)
    with pytest.raises(BadInput, match="holds a run whose data differ"):
        train(TrainingJob(load_dataset(data), QUICK, tmp_path / "run"))


def test_a_run_stopped_while_its_confidence_is_fitted_is_not_finished(tmp_path, monkeypatch):
    """The weights are there, the calibration is not: the next call fits it."""

    def interrupted(*_):
        raise KeyboardInterrupt

    data = load_dataset(write_experiment(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr("training.fit.gradient_descent.fit_confidence", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(TrainingJob(data, QUICK, tmp_path / "run"))
    assert not Run.load(tmp_path / "run").finished
    run = train(TrainingJob(data, QUICK, tmp_path / "run"))
    assert run.finished
    assert run.calibration.n_trials == 16
