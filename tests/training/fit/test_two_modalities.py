"""`glimpse train --pair`: two modalities learned from as one, and a run of each alone."""

import json

import pytest

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_dataset, write_session
from training.commands.train import main
from training.runs.run import Run

SHALLOW = ("--network", "fusion", "--options", "first=shallow", "second=shallow", "--epochs", "8")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two dataset files of the same labels in other orders, and the fused run."""
    folder = tmp_path_factory.mktemp("fused")
    files = []
    for side, order in (("eeg", "AB"), ("meg", "BA")):
        (folder / side).mkdir()
        for seed, name in enumerate("abcd"):
            write_session(folder / side / f"{name}.npz", seed + 10 * (side == "meg"), markers=order)
        files.append(write_dataset(folder / side))
    argv = ["train", "--data", str(files[0]), "--pair", str(files[1]), "--out", str(folder / "run"), *SHALLOW]
    assert cli.main(argv) == 0
    return files, folder / "run"


def test_both_together_and_each_alone_are_measured_on_the_same_pairs(experiment):
    found = json.loads((experiment[1] / "pairs.json").read_text())
    assert found["n_pairs"] == found["by_stimulus"] == 16
    assert min(found["both"], found["first"], found["second"]) >= 0.75


@pytest.mark.parametrize(("side", "which"), [("first", 0), ("second", 1)])
def test_one_modality_alone_is_a_run_as_any_other(experiment, side, which, tmp_path):
    files, out = experiment
    run = Run.load(out / side)
    assert run.finished
    assert run.calibration.n_trials == 16
    argv = [str(out / side), "--data", str(files[which]), "--split", "test", "--json", str(tmp_path / "found.json")]
    assert cli.main(["evaluate", *argv]) == 0
    assert json.loads((tmp_path / "found.json").read_text())["accuracy"] >= 0.75


def test_one_modality_alone_is_exported(experiment, tmp_path):
    assert cli.main(["export", str(experiment[1] / "second"), "--out", str(tmp_path / "bundle")]) == 0
    assert Bundle.load(tmp_path / "bundle").manifest.network["config"]["only"] == "second"


def test_the_fused_run_itself_is_refused_with_what_to_name(experiment, tmp_path, capsys):
    _, out = experiment
    assert cli.main(["export", str(out), "--out", str(tmp_path / "bundle")]) == 2
    assert f"name {out / 'first'} or {out / 'second'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "argv", "sentence"),
    [
        ({"events": {"A": "dog", "B": "cat"}}, SHALLOW, "share no stimulus and no concept"),
        ({"window_s": [0.0, 0.8]}, SHALLOW, "the same are needed"),
        ({}, ("--network", "shallow"), "--pair: network shallow takes one recording; use --network fusion"),
        ({}, (*SHALLOW, "--teacher", "x"), "--teacher: hears one modality"),
    ],
)
def test_what_cannot_be_paired_is_refused(experiment, tmp_path, changes, argv, sentence):
    (first, second), _ = experiment
    for name in "abcd":
        (tmp_path / f"{name}.npz").symlink_to(second.parent / f"{name}.npz")
    other = write_dataset(tmp_path, **changes)
    with pytest.raises(BadInput) as error:
        main(["--data", str(first), "--pair", str(other), "--out", str(tmp_path / "run"), *argv])
    assert sentence in str(error.value)
    assert not (tmp_path / "run").exists()
