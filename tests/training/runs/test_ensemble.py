"""`glimpse export RUN RUN ...`: several runs as one bundle."""

import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment
from training.runs.ensemble import join_runs
from training.runs.run import Run


@pytest.fixture(scope="module")
def runs(trained, tmp_path_factory) -> list[Run]:
    """Two quick networks of the data of `trained`, with other seeds and of other kinds."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, network in (("1", "eegnet"), ("2", "shallow")):
        argv = ["--data", str(trained.data), "--out", str(folder / seed), "--network", network, "--seed", seed]
        assert cli.main(["train", *argv, "--epochs", "3"]) == 0
    return [Run.load(folder / "1"), Run.load(folder / "2")]


def test_a_joined_runs_inner_products_are_the_mean_of_the_members(runs, tmp_path):
    network, bank = join_runs(runs, tmp_path / "joined").load_trained()
    x, onset = 5 * torch.randn(3, 4, 64), torch.rand(3, 16)
    with torch.inference_mode():
        want = [run.load_trained()[1].scores(run.load_trained()[0](x, None, onset)[0].numpy())[0] for run in runs]
        got = bank.scores(network(x, None, onset)[0].numpy())[0]
    assert np.abs(want[0] - want[1]).max() > 0.01
    np.testing.assert_allclose(got, (want[0] + want[1]) / 2, atol=1e-4)


def test_members_of_the_same_vectors_share_their_space(runs, tmp_path):
    joined = join_runs([runs[0], runs[0]], tmp_path / "joined")
    assert joined.description.network["config"]["join"] == "mean"
    np.testing.assert_array_equal(joined.load_trained()[1].vectors, runs[0].load_trained()[1].vectors)


def test_a_bundle_of_several_runs_is_calibrated_on_validation_and_streams(trained, runs, tmp_path, capsys):
    paths = [str(run.path) for run in runs]
    assert cli.main(["export", *paths, "--out", str(tmp_path / "bundle"), "--data", str(trained.data)]) == 0
    manifest = Bundle.load(tmp_path / "bundle").manifest
    assert manifest.network["name"] == "ensemble"
    assert manifest.calibration.n_trials == 16
    assert manifest.accuracy.keys() == {"valid", "test"}
    assert [member["network"] for member in manifest.training["recipe"]["members"]] == ["eegnet", "shallow"]
    argv = [str(tmp_path / "bundle"), "--data", str(trained.data), "--split", "test", "--streaming"]
    assert cli.main(["evaluate", *argv]) == 0


def test_joined_runs_without_data_have_no_calibrated_confidence(runs, tmp_path, capsys):
    paths = [str(run.path) for run in runs]
    assert cli.main(["export", *paths, "--out", str(tmp_path / "bundle")]) == 0
    assert asdict(Bundle.load(tmp_path / "bundle").calibration) == asdict(Calibration())
    assert "confidence is not calibrated" in capsys.readouterr().out
    assert "Confidence is not calibrated" in (tmp_path / "bundle" / "card.md").read_text()


def test_runs_of_other_data_are_refused_with_what_differs(trained, runs, tmp_path, capsys):
    data = write_experiment(tmp_path / "other", window_s=[0.0, 0.8])
    argv = ["--data", str(data), "--out", str(tmp_path / "run"), "--network", "eegnet", "--epochs", "1"]
    assert cli.main(["train", *argv]) == 0
    assert cli.main(["export", str(trained.run), str(tmp_path / "run"), "--out", str(tmp_path / "bundle")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'run'}: its window_s differ from those of {trained.run}" in error
    assert not (tmp_path / "bundle").exists()


def test_an_unfinished_member_is_refused(runs, tmp_path):
    shutil.copytree(runs[1].path, tmp_path / "run")
    (tmp_path / "run" / "checkpoint.pt").unlink()
    with pytest.raises(BadInput, match="last epoch"):
        join_runs([runs[0], Run.load(tmp_path / "run")], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
