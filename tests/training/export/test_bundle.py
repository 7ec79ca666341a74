"""`glimpse export`: a whole bundle or nothing, and never over something else."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from glimpse import cli
from realtime.bundle.bundle import MANIFEST, Bundle
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.export.bundle import export_bundle
from training.fit.fit_method import TrainingJob
from training.fit.train import train
from training.runs.recipes import small
from training.runs.run import Run


def test_a_bundle_holds_what_the_run_learned(trained):
    run, bundle = Run.load(trained.run).description, Bundle.load(trained.bundle)
    manifest = json.loads((trained.bundle / MANIFEST).read_text())
    for key in ("name", "ch_names", "positions_m", "sfreq", "hop_samples", "window_s", "preprocess", "events"):
        assert manifest[key] == getattr(run, key)
    assert manifest["calibration"] == run.calibration | {"bad_cost": list(bundle.calibration.bad_cost)}
    assert len(bundle.calibration.bad_cost) == len(run.ch_names)
    assert bundle.bank.names == tuple(run.labels)
    assert manifest["training"]["data"] == run.data
    assert manifest["training"]["recipe"] == run.recipe
    assert sorted(file.name for file in trained.bundle.iterdir()) == sorted([*manifest["files"], MANIFEST])


def test_a_card_says_what_the_bundle_is_and_is_not_for(trained):
    card = (trained.bundle / "card.md").read_text()
    for words in (
        "# rhythms",
        "4 channels at 128 Hz",
        "train: 2 recordings, 32 trials",
        "Not for",
        "16 validation trials",
    ):
        assert words in card
    assert "not CLIP's" in card


def test_a_folder_that_is_no_bundle_is_left_alone(trained, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    assert cli.main(["export", str(trained.run), "--out", str(tmp_path / "mine")]) == 2
    assert "is not a bundle" in capsys.readouterr().err
    assert [file.name for file in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


def test_a_bundle_is_replaced_whole(trained, tmp_path):
    old = tmp_path / "bundle"
    shutil.copytree(trained.bundle, old)
    (old / "stale.txt").write_text("from before")
    bundle = export_bundle(Run.load(trained.run), old, {}, note="second")
    assert bundle.manifest.note == "second"
    assert "Not measured" in (old / "card.md").read_text()
    assert not (old / "stale.txt").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]


def test_an_export_that_fails_leaves_nothing(trained, tmp_path):
    """A NaN among the weights: the ONNX file does not answer as torch does."""
    shutil.copytree(trained.run, tmp_path / "run")
    run = Run.load(tmp_path / "run")
    saved = run.checkpoint()
    saved["network"]["head_evoked.bias"][0] = torch.nan
    run.save_checkpoint(saved)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="differs from torch"):
        export_bundle(run, tmp_path / "bundle", {})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_that_has_not_finished_is_refused(trained, tmp_path):
    run = train(TrainingJob(load_dataset(trained.data), small(), tmp_path / "run", stop_after=1))
    with pytest.raises(BadInput, match="last epoch"):
        export_bundle(run, tmp_path / "bundle", {})
    assert not (tmp_path / "bundle").exists()


def test_what_is_no_run_is_refused(tmp_path, capsys):
    assert cli.main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "bundle")]) == 2
    assert "run.json" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_manifest_is_plain_json(trained):
    manifest = json.loads((Path(trained.bundle) / MANIFEST).read_text())
    assert manifest["schema_version"] == 1
    assert set(manifest["files"]) == {
        "encoder.onnx",
        "bank.safetensors",
        "labels.json",
        "card.md",
        "weights.safetensors",
    }
