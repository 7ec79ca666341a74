"""The run folder: read back as written, whole after a crash, and a sentence for what is not a run."""

import json

import pytest
import torch

from realtime.errors import BadInput
from training.runs.run import Run


def test_a_run_is_read_as_it_was_written(trained, tmp_path):
    run = Run.load(trained.run)
    copy = Run(tmp_path / "copy", run.description)
    copy.save()
    assert Run.load(copy.path).description == run.description
    assert run.finished
    assert not copy.finished


def test_trained_weights_come_in_evaluation_mode_with_unit_label_vectors(trained):
    network, bank = Run.load(trained.run).load_trained()
    assert not network.training
    assert bank.names == ("slow", "fast")
    assert (bank.vectors**2).sum(axis=1) == pytest.approx(1)


def test_a_checkpoint_holds_tensors_and_plain_values_only(trained):
    """So that reading one runs no code of whoever wrote it."""
    saved = torch.load(trained.run / "checkpoint.pt", weights_only=True)
    assert {"epoch", "network", "objective", "optimiser", "schedule", "scaler", "rng"} <= saved.keys()


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path, trained):
    run = Run(tmp_path / "run", Run.load(trained.run).description)
    run.save()
    run.save_checkpoint({"epoch": 1})
    with pytest.raises((AttributeError, TypeError)):
        run.save_checkpoint({"epoch": 2, "what cannot be saved": (row for row in ())})
    assert run.checkpoint() == {"epoch": 1}


@pytest.mark.parametrize("content", [None, "{", json.dumps({"name": "x"}), json.dumps([1])])
def test_what_is_not_a_run_is_refused_in_one_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(BadInput, match="run.json") as error:
        Run.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_run_without_weights_is_refused(tmp_path, trained):
    run = Run(tmp_path / "run", Run.load(trained.run).description)
    run.save()
    with pytest.raises(BadInput, match="no weights"):
        run.load_trained()


@pytest.mark.parametrize("part", [slice(0, 0), slice(0, 2000), slice(100, 3000)])
def test_a_damaged_checkpoint_is_refused_in_one_sentence(tmp_path, trained, part):
    run = Run(tmp_path / "run", Run.load(trained.run).description)
    run.save()
    (run.path / "checkpoint.pt").write_bytes((trained.run / "checkpoint.pt").read_bytes()[part])
    with pytest.raises(BadInput, match="checkpoint.pt: is damaged") as error:
        run.load_trained()
    assert "\n" not in str(error.value)


def test_weights_of_another_version_are_refused_in_one_sentence(tmp_path, trained):
    run = Run(tmp_path / "run", Run.load(trained.run).description)
    run.save()
    saved = Run.load(trained.run).checkpoint()
    saved["network"].popitem()
    run.save_checkpoint(saved)
    with pytest.raises(BadInput, match="does not fit network gat_transformer as it is now") as error:
        run.load_trained()
    assert "\n" not in str(error.value)
