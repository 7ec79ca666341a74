"""`glimpse calibrate`: another cap is made good, judged on trials that were not fitted, and the bundle says so."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from decoder.networks.personal import PersonalNetwork
from glimpse import cli
from realtime.bundle.bundle import MANIFEST, WEIGHTS, Bundle, sha256
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_dataset, write_experiment, write_session
from training.calibration.channel_mixing import BATCH, STEPS, add_mixing, batches, fit_mixing
from training.calibration.person import (
    AFTER,
    BEFORE,
    CONFIDENCE,
    MIN_TRIALS_OF_A_LABEL,
    check_enough_trials,
    personal_run,
)
from training.data.checks import recordings_digest
from training.data.dataset import load_dataset, load_split
from training.runs.reopen import reopen_bundle
from training.runs.run import Run

HUM = 20.0 * np.array([0.3, 1.0, -0.5, 1.5])  # microvolts that another cap picks up at each electrode


def write_cap(path: Path, seed: int = 7, n_trials: int = 40, **changes: object) -> Path:
    """The experiment's rhythms under a noise that all electrodes share and training never heard."""
    write_session(path, seed, n_trials, **changes)
    with np.load(path) as file:
        held = dict(file)
    noise = np.random.default_rng(seed + 100).standard_normal((len(held["samples"]), 1))
    np.savez(path, **held | {"samples": held["samples"] + noise * HUM})
    return path


class Place(NamedTuple):
    """Where things lie; tests leave them as they are."""

    data: Path  # dataset file of the calibration
    run: Path
    bundle: Path  # exported from it
    fitted: Path  # the bundle after calibration


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("calibrate")
    run, bundle, fitted = folder / "run", folder / "bundle", folder / "fitted"
    trained = write_experiment(folder)
    assert cli.main(["train", "--data", str(trained), "--network", "shallow", "--epochs", "10", "--out", str(run)]) == 0
    assert cli.main(["export", str(run), "--out", str(bundle), "--data", str(trained)]) == 0
    write_cap(folder / "cap.npz")
    write_cap(folder / "later.npz", seed=8)
    data = write_dataset(folder, files={"train": ["cap.npz"], "valid": [], "test": ["later.npz"]})
    assert cli.main(["calibrate", str(bundle), "--data", str(data), "--out", str(fitted)]) == 0
    return Place(data, run, bundle, fitted)


def test_calibration_restores_accuracy_for_another_cap(place, tmp_path):
    found = []
    for path in (place.bundle, place.fitted):
        figures = tmp_path / "figures.json"
        asked = ["evaluate", str(path), "--data", str(place.data), "--split", "test", "--json", str(figures)]
        assert cli.main(asked) == 0
        found.append(json.loads(figures.read_text())["accuracy"])
    assert found[0] < 0.7
    assert found[1] > 0.9


def test_a_personal_bundle_holds_its_origin_and_held_out_figures(place):
    manifest, card = Bundle.load(place.fitted).manifest, (place.fitted / "card.md").read_text()
    assert list(manifest.accuracy) == [BEFORE, AFTER]
    for figures in manifest.accuracy.values():
        assert figures["n_trials"] == 16  # the last 40 % of 40
        assert figures["chance"] == 0.5
        assert {"accuracy", "ci95", "auc", "log_loss", "calibration_error"} <= figures.keys()
    assert manifest.accuracy[AFTER]["log_loss"] < manifest.accuracy[BEFORE]["log_loss"]
    assert manifest.training["made_from"] == {"bundle": Bundle.load(place.bundle).hash}
    assert manifest.training["data"]["calibration"]["files"] == ["cap.npz"]
    assert manifest.network["name"] == "calibrated"
    assert manifest.calibration.n_trials == 16
    before = Bundle.load(place.bundle).calibration
    assert (manifest.calibration.decide_p, manifest.calibration.bad_cost) == (before.decide_p, before.bad_cost)
    assert len(before.bad_cost) == len(manifest.ch_names)
    assert "cap.npz (40 trials)" in card
    assert Bundle.load(place.bundle).hash in card
    assert BEFORE in card
    assert AFTER in card


def test_calibration_recordings_are_refused_as_a_test_split(place, tmp_path, capsys):
    shutil.copy(place.data.parent / "cap.npz", tmp_path / "cap.npz")
    write_session(tmp_path / "a.npz", 3)
    data = write_dataset(tmp_path, files={"train": ["a.npz"], "valid": [], "test": ["cap.npz"]})
    assert cli.main(["evaluate", str(place.fitted), "--data", str(data), "--split", "test"]) == 2
    assert "cap.npz" in capsys.readouterr().err


def test_a_mixing_that_does_not_help_leaves_the_weights_and_is_reported(place, tmp_path, capsys):
    """The person that the bundle was trained on, at the same cap: every held-out trial is right already."""
    write_session(tmp_path / "same.npz", 9, 40)
    data, out = write_dataset(tmp_path, files={"train": ["same.npz"], "valid": [], "test": []}), tmp_path / "out"
    assert cli.main(["calibrate", str(place.bundle), "--data", str(data), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "did not help" in " ".join(said.split())
    stages = [line for line in said.splitlines() if not line.startswith(("┃", "│", "┏", "┡", "└"))]
    assert stages[:3] == [
        f"opening {place.bundle}",
        "1 of 1: fitting to 24 trials, to be judged on 16 others",
        "fitting to all 40 trials: the confidence alone, mixing channels did not help",
    ]
    old, new = Bundle.load(place.bundle), Bundle.load(out)
    assert new.manifest.network == old.manifest.network
    assert sha256(out / WEIGHTS) == sha256(place.bundle / WEIGHTS)
    assert list(new.manifest.accuracy) == [BEFORE, CONFIDENCE]
    assert new.calibration != old.calibration
    assert "confidence alone is new" in (out / "card.md").read_text()


def test_a_calibrated_bundle_can_be_calibrated_again_without_a_second_mixing(place, tmp_path):
    run, origin = reopen_bundle(place.fitted, tmp_path / "run")
    assert origin == {"bundle": Bundle.load(place.fitted).hash}
    made = add_mixing(run)
    assert not isinstance(made.network, PersonalNetwork)
    assert not torch.equal(made.mixing.matrix[0], torch.eye(4))


def test_a_reopened_bundle_has_the_weights_of_its_run(place, tmp_path):
    (network, bank), (again, bank_again) = (
        Run.load(place.run).load_trained(),
        reopen_bundle(place.bundle, tmp_path)[0].load_trained(),
    )
    weights = again.state_dict()
    assert all(torch.equal(weights[key], value) for key, value in network.state_dict().items())
    np.testing.assert_allclose(bank.vectors, bank_again.vectors, atol=1e-6)  # brought to unit length once more
    same, origin = reopen_bundle(place.run, tmp_path / "other")
    assert same.path == place.run
    assert origin == {"run": f"sha256:{same.digest}"}


def test_the_same_trials_give_the_same_mixing_and_touch_no_other_weight(place, tmp_path):
    run, recordings = Run.load(place.run), load_split(load_dataset(place.data), "train")
    short = [replace(recordings[0], markers=recordings[0].markers[:16])]
    first, second = (fit_mixing(run, short, tmp_path / name).load_trained()[0].state_dict() for name in "ab")
    assert all(torch.equal(first[key], second[key]) for key in first)
    before = run.load_trained()[0].state_dict()
    assert all(torch.equal(first[f"network.{key}"], value) for key, value in before.items())
    assert not torch.equal(first["mixing.matrix"][0], torch.eye(4))


@pytest.mark.parametrize("n_crops", [3, BATCH, 50])
def test_every_crop_is_used_before_any_is_used_again(n_crops: int):
    found = batches(n_crops, np.random.default_rng(0))
    assert len(found) == STEPS
    assert {len(batch) for batch in found} == {min(BATCH, n_crops)}
    order = np.concatenate(found)
    for first in range(0, len(order) - n_crops, n_crops):
        assert set(order[first : first + n_crops]) == set(range(n_crops))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sfreq": 250.0}, "runs at 250 Hz, 'rhythms' decodes 128 Hz"),
        ({"markers": ((300, "slow"),) * 9}, f"0 trials of 'fast' found, {MIN_TRIALS_OF_A_LABEL} of each label needed"),
        ({"markers": ((300, "slow"),) * 9 + ((300, "fast"),) * 5}, "5 trials of 'fast' found"),
        ({"name": "known.npz"}, "known.npz: 'rhythms' has learned from this very recording"),
        ({"markers": ((300, "owl"),) * 9}, "has label 'owl', which 'rhythms' does not know; it knows slow, fast"),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused_with_numbers(place, changes, sentence):
    [one] = load_split(load_dataset(place.data), "train")
    run = Run.load(place.run)
    if "name" in changes:
        run = personal_run(run, run, [one], run.calibration)
    with pytest.raises(BadInput, match=sentence):
        check_enough_trials(run, [replace(one, **changes)])


def test_of_many_labels_some_may_be_missing_but_not_most_trials(place):
    [one] = load_split(load_dataset(place.data), "train")
    run = Run.load(place.run)
    run.description = replace(run.description, labels=["slow", "fast", *map(str, range(20))])
    with pytest.raises(BadInput, match="40 trials found, 60 needed"):
        check_enough_trials(run, [one])
    check_enough_trials(run, [replace(one, markers=one.markers * 2)])


def test_wrong_arguments_end_in_one_sentence(place, tmp_path, capsys):
    write_session(tmp_path / "a.npz", 3)
    other = write_dataset(tmp_path, files={"train": ["a.npz"]}, channels={"drop": ["Oz"]})
    (tmp_path / "notes").mkdir()
    older = tmp_path / "older"
    shutil.copytree(place.bundle, older)
    manifest = json.loads((older / MANIFEST).read_text())
    del manifest["files"][WEIGHTS]
    (older / MANIFEST).write_text(json.dumps(manifest))
    data, out = ["--data", str(place.data)], ["--out", str(tmp_path / "out")]
    for arguments, sentence in (
        ([str(place.bundle), *out], "neither found, one of --data and --stream is needed"),
        ([str(place.bundle), *data, "--out", str(place.bundle)], "is the folder that is calibrated"),
        ([str(place.bundle), "--stream", "amp", "--seconds", "-5", *out], "--seconds: -5 found, at least 1 is needed"),
        ([str(place.bundle), *data, "--stream", "amp", *out], "both found, one of --data and --stream is needed"),
        ([str(place.bundle), "--data", str(other), *out], "Oz"),
        ([str(place.bundle), *data, "--out", str(tmp_path / "notes")], "exists and is not a bundle"),
        ([str(older), *data, *out], "holds no weights.safetensors, so an older Glimpse exported it"),
        ([str(tmp_path), *data, *out], "is not a run"),
    ):
        assert cli.main(["calibrate", *arguments]) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_that_differ_from_the_encoder_are_refused(place, tmp_path):
    """As a newer Glimpse that builds the network otherwise would find it."""
    changed = tmp_path / "changed"
    shutil.copytree(place.bundle, changed)
    manifest = json.loads((changed / MANIFEST).read_text())
    shutil.copy(place.fitted / "encoder.onnx", changed / "encoder.onnx")
    manifest["files"]["encoder.onnx"] = sha256(changed / "encoder.onnx")
    (changed / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises((BadInput, ValueError), match="do not answer alike"):
        reopen_bundle(changed, tmp_path / "run")


def test_digests_of_calibration_and_training_are_both_stored(place):
    [one] = load_split(load_dataset(place.data), "train")
    old, new = (
        Bundle.load(path).manifest.training["data"]["train"]["digests"] for path in (place.bundle, place.fitted)
    )
    assert new == [*old, recordings_digest(one)]
