"""`glimpse train --recipe stacked`: members weighed on recordings they had not learned from, and one run of all."""

import json
from dataclasses import replace

import numpy as np
import pytest

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment, write_session
from training.data.dataset import load_dataset
from training.fit.fit_method import TrainingJob
from training.fit.stack import PRIOR_SD, stacking_weights
from training.fit.train import train
from training.runs.recipes import small
from training.runs.run import Run

# A rhythm whose phase is another every time: its power is learned, its mean over trials holds nothing.
MEMBERS = ("shallow", "matched_filter")
RECIPE = replace(small(), network="shallow", options={}, members=MEMBERS, epochs=6)
FILES = {"train": ["a.npz", "b.npz", "c.npz"], "valid": ["d.npz"]}


def answers(seed: int, gain: float, n_trials: int = 60, n_labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of noise with `gain` more for the true label, and the labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_trials) % n_labels
    return rng.standard_normal((n_trials, n_labels)) + gain * np.eye(n_labels)[labels], labels


def likelihood(inner: np.ndarray, labels: np.ndarray) -> float:
    """Mean log probability of the true label."""
    shifted = inner - inner.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(log_p[np.arange(len(labels)), labels].mean())


def test_the_member_that_decodes_gets_the_weight_and_noise_none():
    (good, labels), (noise, _) = answers(0, 3.0), answers(1, 0.0)
    weight = stacking_weights([good, noise], labels)
    assert weight[0] > 0.5
    assert weight[1] == 0.0
    assert stacking_weights([noise, good], labels) == pytest.approx(weight[::-1])


def test_a_member_that_is_wrong_more_often_than_chance_gets_none_and_not_less():
    good, labels = answers(0, 2.0)
    assert stacking_weights([good, -good], labels)[1] == 0.0


def test_weights_do_not_depend_on_the_scale_of_a_members_logits():
    """A member a hundred times as loud gets no more of a say: weights go with one over the scale."""
    (one, labels), (two, _), (noise, _) = answers(0, 1.5), answers(1, 1.5), answers(2, 0.0)
    quiet, loud = stacking_weights([one, two, noise], labels), stacking_weights([one, 100 * two, 100 * noise], labels)
    assert loud[0] == pytest.approx(quiet[0], rel=1e-3)
    assert 100 * loud[1] == pytest.approx(quiet[1], rel=1e-3)
    assert quiet[2] == loud[2] == 0.0


def test_an_overconfident_member_is_scaled_to_its_accuracy():
    good, labels = answers(0, 2.0)
    [weight] = stacking_weights([50 * good], labels)
    assert weight < 0.1
    assert likelihood(weight * 50 * good, labels) > likelihood(50 * good, labels) + 1


def test_a_dozen_trials_give_no_weight_to_noise_members():
    """Of forty draws of noise, one at most is let in beside a member that has the answer."""
    let_in = 0
    for seed in range(40):
        (good, labels), (noise, _) = answers(2 * seed, 1.5, n_trials=12), answers(2 * seed + 1, 0.0, n_trials=12)
        weight = stacking_weights([good, noise], labels)
        let_in += weight[0] > 0 and weight[1] > 0
    assert let_in <= 1


def test_two_complementary_members_are_better_together_than_either():
    (one, labels), (two, _) = answers(0, 1.5), answers(1, 1.5)
    weight = stacking_weights([one, two], labels)
    together = likelihood(weight[0] * one + weight[1] * two, labels)
    assert together > max(likelihood(stacking_weights([each], labels)[0] * each, labels) for each in (one, two))


def test_twelve_correct_trials_do_not_give_certainty():
    good, labels = answers(0, 50.0, n_trials=12)
    [weight] = stacking_weights([good], labels)
    spread = (good - good.mean(axis=1, keepdims=True)).std()
    assert weight * spread < 2 * PRIOR_SD


def test_a_member_with_constant_logits_changes_no_weight():
    (good, labels) = answers(0, 3.0)
    weight = stacking_weights([good, np.ones_like(good)], labels)
    assert weight[0] == pytest.approx(stacking_weights([good], labels)[0], rel=1e-3)
    assert np.isfinite(weight).all()


@pytest.fixture(scope="module")
def stacked(tmp_path_factory):
    """Three recordings to learn from; the dataset file, the run and what was said."""
    folder = tmp_path_factory.mktemp("stacked")
    dataset = load_dataset(write_experiment(folder, files=FILES))
    return dataset, train(TrainingJob(dataset, RECIPE, folder / "run"))


def test_the_member_that_can_learn_it_gets_nearly_all_of_the_weight(stacked):
    _, run = stacked
    config = run.description.network["config"]
    assert [member["name"] for member in config["members"]] == list(MEMBERS)
    assert config["weights"][0] > 0.05
    assert config["weights"][1] < 0.3 * config["weights"][0]


def test_each_recording_was_left_out_of_the_training_that_weighed_on_it(stacked):
    _, run = stacked
    left_out = [Run.load(path / "shallow").description.data for path in sorted(run.path.glob("without-*"))]
    assert [data["valid"]["files"] for data in left_out] == [["b.npz"], ["c.npz"]]
    assert [data["train"]["files"] for data in left_out] == [["a.npz", "c.npz"], ["a.npz", "b.npz"]]
    assert run.description.data["train"]["files"] == ["a.npz", "b.npz", "c.npz"]


def test_it_is_a_finished_run_that_evaluates_and_exports(stacked, tmp_path, capsys):
    dataset, run = stacked
    assert run.finished
    assert (run.calibration.n_trials, run.description.recipe["members"]) == (16, MEMBERS)
    out, bundle = tmp_path / "found.json", tmp_path / "bundle"
    argv = ["--data", str(dataset.path), "--split", "valid", "--json", str(out)]
    assert cli.main(["evaluate", str(run.path), *argv]) == 0
    of_run = json.loads(out.read_text())
    assert of_run["accuracy"] >= 0.75
    assert cli.main(["export", str(run.path), "--out", str(bundle)]) == 0
    assert Bundle.load(bundle).manifest.network["name"] == "ensemble"
    assert cli.main(["evaluate", str(bundle), *argv, "--streaming"]) == 0
    assert json.loads(out.read_text())["accuracy"] == of_run["accuracy"]


def test_a_finished_stack_is_not_trained_again_and_another_recipe_is_refused(stacked):
    dataset, run = stacked
    before = {file: file.read_bytes() for file in run.path.rglob("log.jsonl")}
    again = train(TrainingJob(dataset, RECIPE, run.path))
    assert again.description == run.description
    assert {file: file.read_bytes() for file in run.path.rglob("log.jsonl")} == before
    for recipe in (replace(RECIPE, members=("shallow", "eegnet")), replace(RECIPE, members=())):
        with pytest.raises(BadInput, match="choose another --out or remove it"):
            train(TrainingJob(dataset, recipe, run.path))


def test_a_label_of_one_recording_is_refused_naming_the_left_out_recording(tmp_path):
    data = write_experiment(tmp_path, files=FILES, events={"A": "slow", "B": "fast", "C": "other"})
    write_session(tmp_path / "b.npz", 1, markers="ABC")
    with pytest.raises(BadInput, match=r"without .*b\.npz, on which a stack weighs its members: .*'other'") as error:
        train(TrainingJob(load_dataset(data), RECIPE, tmp_path / "run"))
    assert "\n" not in str(error.value)


def test_one_recording_is_refused_before_anything_is_written(tmp_path):
    data = load_dataset(write_experiment(tmp_path, files={"train": ["a.npz"], "valid": ["b.npz"]}))
    with pytest.raises(BadInput, match="files.train has 1 recording.*needs 2 or more") as error:
        train(TrainingJob(data, RECIPE, tmp_path / "run"))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()
