"""`glimpse evaluate`: run, streamed run and bundle agree, every promised key is there, misuse is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glimpse import cli
from realtime.bundle.bundle import MANIFEST, Bundle
from tests.helpers.rhythm_dataset import write_dataset, write_experiment, write_session
from training.data.dataset import load_dataset
from training.fit.fit_method import TrainingJob
from training.fit.train import train
from training.runs.recipes import small

PROMISED = "accuracy balanced_accuracy auc top1 top5 chance n_trials ci95 streaming by_time".split()
MORE = (
    "top10 k_way median_rank map calibration_error reliability confusion confused_pairs permutation_p repetitions "
    "early_stopping information_transfer rank_histogram relative_rank"
).split()


def evaluated(path: Path, data: Path, out: Path, *more: str) -> dict:
    arguments = ["evaluate", str(path), "--data", str(data), "--json", str(out), *more]
    assert cli.main(arguments) == 0
    return json.loads(out.read_text())


def test_run_streamed_run_and_bundle_agree_and_beat_chance(trained, tmp_path):
    ways = {
        "whole": (trained.run, []),
        "streamed": (trained.run, ["--streaming"]),
        "bundle": (trained.bundle, ["--streaming"]),
    }
    found, embeddings = {}, {}
    for name, (path, flags) in ways.items():
        npz = tmp_path / f"{name}.npz"
        more = ("--split", "test", "--embeddings", str(npz), *flags)
        found[name] = evaluated(path, trained.data, tmp_path / "out.json", *more)
        embeddings[name] = np.load(npz)["embedding"]
    for name in ("streamed", "bundle"):
        np.testing.assert_allclose(embeddings[name], embeddings["whole"], atol=1e-4)
        assert found[name]["streaming"] is True
        for key in ("accuracy", "balanced_accuracy", "auc", "n_trials", "ci95", "by_time"):
            assert found[name][key] == found["whole"][key]
    assert found["whole"]["streaming"] is False
    assert found["whole"]["ci95"][0] > found["whole"]["chance"]


def test_the_json_has_every_promised_key(trained, tmp_path):
    found = evaluated(trained.run, trained.data, tmp_path / "out.json")
    assert set(PROMISED + MORE) <= found.keys()
    assert (found["chance"], found["n_trials"], found["split"]) == (0.5, 16, "valid")
    assert len(found["ci95"]) == 2
    assert all(point.keys() == {"since_onset_s", "accuracy"} for point in found["by_time"])
    assert found["by_time"][-1] == {"since_onset_s": 1.0, "accuracy": found["accuracy"]}


def test_card_and_manifest_have_the_figures_of_the_export(trained, tmp_path):
    manifest = json.loads((trained.bundle / MANIFEST).read_text())
    for split in ("valid", "test"):
        found = evaluated(trained.run, trained.data, tmp_path / "out.json", "--split", split)
        assert manifest["accuracy"][split] == {key: found[key] for key in ("accuracy", "ci95", "chance", "n_trials")}
        assert f"- {split}: accuracy {found['accuracy']:.3f}" in (trained.bundle / "card.md").read_text()


def test_channel_order_and_extra_channels_change_nothing(trained, tmp_path):
    """A recording is matched to the bundle by channel names."""
    folder = tmp_path / "other"
    data = write_experiment(folder)
    with np.load(folder / "c.npz") as file:
        fields = dict(file)
    mixed = np.concatenate([fields["samples"][:, ::-1], np.ones((len(fields["samples"]), 1))], axis=1)
    fields |= {"samples": mixed, "ch_names": np.array(["oz", "PZ", "Cz.", "FZ", "T7"])}
    np.savez(folder / "c.npz", **fields)
    want = evaluated(trained.bundle, trained.data, tmp_path / "want.json")
    assert evaluated(trained.bundle, data, tmp_path / "got.json") == want


def refused(capsys, tmp_path: Path, *arguments: str) -> str:
    out = tmp_path / "out.json"
    assert cli.main(["evaluate", *arguments, "--json", str(out)]) == 2
    assert not out.exists()
    sentence = capsys.readouterr().err
    assert sentence.count("\n") == 1
    return sentence


@pytest.mark.parametrize("kind", ["run", "bundle"])
def test_a_recording_that_does_not_fit_is_refused(trained, tmp_path, capsys, kind):
    """Another rate, a missing channel, an unknown label, an empty split: a sentence each, no figures."""
    path, folder = str(getattr(trained, kind)), tmp_path / "other"
    data = str(write_experiment(folder))
    write_session(folder / "c.npz", 2, sfreq=160)
    assert "160 Hz" in refused(capsys, tmp_path, path, "--data", data)
    write_session(folder / "c.npz", 2, markers="ABC")
    write_dataset(folder, events={"A": "slow", "B": "fast", "C": "faster"})
    assert "'faster'" in refused(capsys, tmp_path, path, "--data", data)
    write_dataset(folder, channels={"drop": ["Oz"]})
    assert "Oz" in refused(capsys, tmp_path, path, "--data", data)
    write_dataset(folder, files={"train": ["a.npz"]})
    assert "files.valid is empty" in refused(capsys, tmp_path, path, "--data", data)


def test_a_recording_without_a_decision_inside_a_trial_is_refused(trained, tmp_path, capsys):
    data = write_experiment(tmp_path / "other")
    with np.load(data.parent / "c.npz") as file:
        fields = dict(file) | {"markers": np.array([(str(len(file["samples"]) - 1), "A")])}
    np.savez(data.parent / "c.npz", **fields)
    sentence = refused(capsys, tmp_path, str(trained.run), "--data", str(data))
    assert "no decision inside window_s" in sentence


def test_a_folder_that_is_neither_run_nor_bundle_is_refused(trained, tmp_path, capsys):
    assert "is not a run" in refused(capsys, tmp_path, str(tmp_path / "none"), "--data", str(trained.data))


def test_a_bundle_that_was_changed_is_refused(trained, tmp_path, capsys):
    changed = tmp_path / "changed"
    shutil.copytree(trained.bundle, changed)
    Bundle.load(changed)
    with (changed / "encoder.onnx").open("ab") as file:
        file.write(b"x")
    assert "encoder.onnx" in refused(capsys, tmp_path, str(changed), "--data", str(trained.data))


def test_a_json_path_that_is_a_folder_is_refused_before_any_work(trained, tmp_path, capsys):
    out = tmp_path / "folder"
    out.mkdir()
    assert cli.main(["evaluate", str(trained.run), "--data", str(trained.data), "--json", str(out)]) == 2
    error = capsys.readouterr().err
    assert str(out) in error
    assert error.count("\n") == 1


def test_training_recordings_are_refused_as_test_under_any_name(trained, tmp_path, capsys):
    """Another dataset file, another name, the same samples: refused, by run and by bundle."""
    shutil.copy(trained.data.parent / "a.npz", tmp_path / "new.npz")
    write_session(tmp_path / "other.npz", seed=9)
    data = write_dataset(tmp_path, files={"train": ["other.npz"], "test": ["new.npz"]})
    for path in (trained.run, trained.bundle):
        assert cli.main(["evaluate", str(path), "--data", str(data), "--split", "test"]) == 2
        assert "was trained on; a figure on training data is no result" in capsys.readouterr().err


@pytest.fixture(scope="module")
def other_seed(trained, tmp_path_factory):
    run = tmp_path_factory.mktemp("seeds") / "run"
    assert cli.main(["train", "--data", str(trained.data), "--out", str(run), "--epochs", "10", "--seed", "1"]) == 0
    return run


def test_several_seeds_give_one_result_with_spread_and_one_page(trained, other_seed, tmp_path):
    page = tmp_path / "page.html"
    out, paths = tmp_path / "both.json", [str(trained.run), str(other_seed)]
    figures = ["--json", str(out), "--report", str(page)]
    assert cli.main(["evaluate", *paths, "--data", str(trained.data), *figures]) == 0
    both = json.loads(out.read_text())
    single = [evaluated(path, trained.data, tmp_path / "one.json") for path in (trained.run, other_seed)]
    assert both["runs"] == single
    assert both["seeds"]["n"] == 2
    assert both["auc"] == pytest.approx(np.mean([run["auc"] for run in single]), abs=1e-4)
    html = page.read_text()
    assert str(trained.run) in html
    assert str(other_seed) in html
    assert "Training loss" in html


def test_a_bundle_has_a_report_too(trained, tmp_path):
    page = tmp_path / "page.html"
    found = evaluated(trained.bundle, trained.data, tmp_path / "out.json", "--report", str(page), "--split", "test")
    assert f"accuracy {found['accuracy']:.3f} of 16 trials" in page.read_text()


@pytest.mark.parametrize("again", ["run", "bundle"])
def test_the_same_weights_twice_are_refused_as_seeds(trained, tmp_path, capsys, again):
    """Also as a run and its bundle: the spread would be zero."""
    same = str(getattr(trained, again))
    sentence = refused(capsys, tmp_path, str(trained.run), same, "--data", str(trained.data))
    assert f"{same}: decides exactly as {trained.run}" in sentence


@pytest.mark.parametrize(
    ("changes", "epochs", "sentence"),
    [({"window_s": [0.0, 0.8]}, "10", "window_s is (0.0, 0.8)"), ({}, "1", "epochs is 1 and")],
)
def test_a_run_of_another_window_or_recipe_is_refused_as_a_seed(trained, tmp_path, capsys, changes, epochs, sentence):
    data, run = write_experiment(tmp_path / "other", **changes), tmp_path / "run"
    assert cli.main(["train", "--data", str(data), "--out", str(run), "--epochs", epochs]) == 0
    capsys.readouterr()
    assert sentence in refused(capsys, tmp_path, str(trained.run), str(run), "--data", str(trained.data))


def test_without_a_run_nothing_is_evaluated(trained, tmp_path, capsys):
    assert "no run and no bundle is given" in refused(capsys, tmp_path, "--data", str(trained.data))


def test_a_whole_window_network_is_evaluated_but_not_streamed(tmp_path, capsys):
    """One answer a trial, at the window's end; the page says that it is no decoder for live use."""
    data, run, page = write_experiment(tmp_path), tmp_path / "run", tmp_path / "page.html"
    train(TrainingJob(load_dataset(data), replace(small(), network="flat_mlp", options={}, epochs=3), run))
    found = evaluated(run, data, tmp_path / "found.json", "--report", str(page))
    assert (found["causal"], found["n_trials"]) == (False, 16)
    assert [point["accuracy"] for point in found["by_time"]] == [0.0] * 9 + [found["accuracy"]]
    assert "not a decoder for live use" in page.read_text()
    sentence = refused(capsys, tmp_path, str(run), "--data", str(data), "--streaming")
    assert "sees a whole window at once and cannot stream; evaluate it without --streaming" in sentence
