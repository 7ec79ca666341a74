"""A network fitted by formula goes the way of every other: trained, evaluated, exported, decoded live."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.data.schema import DatasetFile
from training.evaluate.evaluate import evaluate
from training.export.bundle import export_bundle
from training.fit.fit_method import TrainingJob
from training.fit.train import train
from training.runs.recipe import Recipe
from training.runs.run import Run

RECIPE = Recipe(network="matched_filter", options={"order": 3})
WORDS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
SFREQ, DIM = 128.0, 6


def write_words(folder: Path, **changes: object) -> DatasetFile:
    """Each word evokes a response linear in its vector, over noise that remembers its past."""
    person = np.random.default_rng(0)
    vectors = person.standard_normal((len(WORDS), DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    topography = person.standard_normal((DIM, 4))
    course = np.exp(-(((np.arange(128) / SFREQ - 0.3) / 0.08) ** 2))
    for seed, name in enumerate("abc", start=1):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.arange(64) % len(WORDS))
        samples = rng.standard_normal((round((2 + len(labels) * 1.4) * SFREQ), 4))
        for t in range(1, len(samples)):
            samples[t] += 0.8 * samples[t - 1]
        rows = [round((1 + trial * 1.4) * SFREQ) for trial in range(len(labels))]
        for row, label in zip(rows, labels, strict=True):
            samples[row : row + 128] += 3 * course[:, None] * (vectors[label] @ topography)
        markers = [(str(row), WORDS[label]) for row, label in zip(rows, labels, strict=True)]
        np.savez(
            folder / f"{name}.npz",
            samples=10 * samples,
            sfreq=SFREQ,
            ch_names=("Fz", "Cz", "Pz", "Oz"),
            markers=markers,
        )
    np.save(folder / "v.npy", vectors)
    (folder / "n.tsv").write_text("name\n" + "\n".join(WORDS) + "\n")
    content = {
        "name": "words",
        "files": {"train": ["a.npz", "b.npz"], "valid": ["c.npz"]},
        "events": {word: word for word in WORDS},
        "window_s": [0.0, 1.0],
        "preprocess": {"reference": "none"},
        "targets": {"text": "v.npy", "names": "n.tsv"},
    }
    (folder / "words.yaml").write_text(yaml.safe_dump(content | changes))
    return load_dataset(folder / "words.yaml")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetFile, Run]:
    folder = tmp_path_factory.mktemp("words")
    dataset = write_words(folder)
    return dataset, train(TrainingJob(dataset, RECIPE, folder / "run"))


def test_the_bank_holds_the_networks_rows_of_the_words(words):
    _, run = words
    network, bank = run.load_trained()
    vectors = torch.as_tensor(np.load(run.path.parent / "v.npy"), dtype=torch.float32)
    assert bank.names == WORDS
    assert bank.dim == run.description.network["config"]["embedding_dim"] == DIM + 2
    np.testing.assert_allclose(bank.vectors, network.bank_rows(vectors), atol=1e-6)
    assert np.ptp(bank.vectors[:, -2]) > 0.01  # responses differ in strength


def test_words_are_decoded_and_streaming_equals_whole(words):
    dataset, run = words
    found, whole = evaluate(run.path, dataset, "valid", streaming=False)
    _, streamed = evaluate(run.path, dataset, "valid", streaming=True)
    assert found["accuracy"] > 0.5  # chance is 1/8
    np.testing.assert_allclose(streamed.logits, whole.logits, atol=1e-3)


def test_the_bundle_gives_the_logits_of_the_run(words, tmp_path):
    """ONNX is compared with torch on the way."""
    dataset, run = words
    bundle: Bundle = export_bundle(run, tmp_path / "bundle", {})
    np.testing.assert_array_equal(bundle.bank.vectors, run.load_trained()[1].vectors)
    _, live = evaluate(bundle.path, dataset, "valid", streaming=True)
    _, whole = evaluate(run.path, dataset, "valid", streaming=False)
    np.testing.assert_allclose(live.logits, whole.logits, atol=1e-3)


def test_training_a_finished_run_again_changes_no_weight(words):
    dataset, run = words
    before = run.checkpoint()["network"]
    after = train(TrainingJob(dataset, RECIPE, run.path)).checkpoint()["network"]
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_it_is_a_member_of_a_stack_of_given_vectors(words, tmp_path):
    dataset, _ = words
    quick = {"dim": 8, "n_layers": 1, "attention_window": 16}
    recipe = Recipe(network="gat_transformer", members=("gat_transformer", "matched_filter"), options=quick, epochs=1)
    run = train(TrainingJob(dataset, recipe, tmp_path / "stack"))
    assert run.load_trained()[1].dim == 2 * DIM + 2
    assert evaluate(run.path, dataset, "valid", streaming=False)[0]["accuracy"] > 0.4


def test_labels_that_stand_for_themselves_get_an_axis_each(tmp_path):
    run = train(TrainingJob(write_words(tmp_path, targets="labels"), RECIPE, tmp_path / "run"))
    np.testing.assert_array_equal(run.load_trained()[1].vectors, np.eye(len(WORDS)))


def test_several_target_layers_are_refused(tmp_path):
    (tmp_path / "n.json").write_text(json.dumps(WORDS))
    two = {"targets": {"images": ["v.npy", "v.npy"], "stimuli": "n.json"}}
    with pytest.raises(BadInput, match="matched_filter: is fitted by formula, which mixes no target layers"):
        train(TrainingJob(write_words(tmp_path, **two), RECIPE, tmp_path / "run"))
