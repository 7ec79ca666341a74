"""The door: help, exit codes, and one sentence on stderr for every wrong input."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glimpse
from glimpse import cli
from tests.helpers.rhythm_dataset import write_dataset, write_experiment, write_session

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "glimpse", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_names_every_command():
    found = run("--help")
    assert found.returncode == 0
    assert all(f"  {name} " in found.stdout for name in cli.COMMANDS)
    assert found.stderr == ""


def test_version_is_printed_as_the_distribution_states_it(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"glimpse {glimpse.__version__}\n"


def test_no_command_and_an_unknown_command_are_bad_arguments(capsys):
    assert cli.main([]) == 2
    assert cli.main(["trian"]) == 2
    found = capsys.readouterr()
    assert "'trian' is no command" in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "evaluate", "export"])
def test_a_command_explains_itself_and_refuses_unknown_options(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    assert f"usage: glimpse {command}" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--no-such-option"])
    assert stopped.value.code == 2


def without_electrodes(folder: Path) -> None:
    with np.load(folder / "b.npz") as held:
        fields = dict(held) | {"ch_names": np.array(["A1", "B1", "C1", "D1"])}
    np.savez(folder / "b.npz", **fields)


FAULTS = {
    "an unknown key": (lambda folder: write_dataset(folder, widnow_s=[0, 1]), ["widnow_s"]),
    "a missing file": (lambda folder: (folder / "b.npz").unlink(), ["files.train", "b.npz"]),
    "no dataset file": (lambda folder: (folder / "rhythms.yaml").unlink(), ["rhythms.yaml", "cannot be read"]),
    "no matching channel": (without_electrodes, ["b.npz", "Fz"]),
    "no event found": (lambda folder: write_dataset(folder, events={"X": "x", "Y": "y"}), ["no event of 'X', 'Y'"]),
    "a label with one trial": (
        lambda folder: (
            write_session(folder / "a.npz", 0, n_trials=3),
            write_dataset(folder, files={"train": ["a.npz"]}),
        ),
        ["'fast' 1 trials"],
    ),
    "a file in two splits": (
        lambda folder: write_dataset(folder, files={"train": ["a.npz", "b.npz"], "test": ["b.npz"]}),
        ["files.test", "files.train", "b.npz"],
    ),
    "a copy in two splits": (
        lambda folder: (folder / "d.npz").write_bytes((folder / "a.npz").read_bytes()),
        ["files.test", "files.train", "a.npz", "d.npz"],
    ),
    "a window before the onset": (lambda folder: write_dataset(folder, window_s=[-1.0, 0.0]), ["window_s ends at 0 s"]),
    "another rate in validation": (lambda folder: write_session(folder / "c.npz", 2, sfreq=200), ["c.npz", "200 Hz"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_input_is_one_sentence_and_exit_code_2_and_nothing_is_written(fault, tmp_path, capsys):
    break_it, words = FAULTS[fault]
    data = write_experiment(tmp_path)
    break_it(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["train", "--data", str(data), "--out", str(tmp_path / "run"), "--epochs", "1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("glimpse train: ")
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert sorted(tmp_path.rglob("*")) == before


def test_the_program_itself_exits_so_without_a_traceback(tmp_path):
    found = run("train", "--data", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "run"))
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(f"glimpse train: {tmp_path / 'none.yaml'}: ")
    assert found.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_training_warns_of_nothing_and_loads_no_graph_library(tmp_path):
    """torch_geometric warns at import; it is the yardstick of tests, not a part of the product."""
    code = (
        "import sys, training.fit.train, training.commands.evaluate, training.commands.export; "
        "sys.exit('torch_geometric' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_figures_without_a_folder_to_go_to_are_refused_before_the_work(capsys):
    """By every command that works for long."""
    for words in (["evaluate", "run", "--data", "d.yaml"], ["demo"], ["bench", "latency"]):
        assert cli.main([*words, "--json", "no-such-folder/out.json"]) == 2
        assert "--json: no-such-folder/out.json cannot be written, there is no folder" in capsys.readouterr().err
