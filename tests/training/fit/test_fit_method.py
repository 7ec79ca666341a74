"""The ways to train keep one protocol: nothing is written before `fit`, and nothing is prepared in vain."""

from dataclasses import replace

import pytest

from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment
from training.commands.train import TrainCommand, recipe_from_args
from training.data.dataset import load_dataset
from training.fit.closed_form import ClosedFormFit
from training.fit.distillation import Distilled
from training.fit.fit_method import EpochProgress, Event, Message, TrainingJob
from training.fit.gradient_descent import GradientDescent
from training.fit.train import network_method, train
from training.runs.recipe import Recipe
from training.runs.recipes import small
from training.runs.run import Run


@pytest.mark.parametrize(
    ("network", "method"), [("shallow", GradientDescent), ("flat_mlp", GradientDescent), ("riemann", ClosedFormFit)]
)
def test_the_network_says_by_which_method_it_is_trained(network, method):
    assert isinstance(network_method(Recipe(network=network)), method)


def test_an_unknown_network_is_refused():
    with pytest.raises(BadInput, match="network 'shalow' is not known"):
        network_method(Recipe(network="shalow"))


@pytest.mark.parametrize("network", ["shallow", "riemann"])
def test_preparing_writes_nothing(tmp_path, network):
    dataset = load_dataset(write_experiment(tmp_path))
    job = TrainingJob(dataset, Recipe(network=network), tmp_path / "run")
    prepared = network_method(job.recipe).prepare(job)
    assert not (tmp_path / "run").exists()
    assert len(prepared.crops.labels) == sum(len(recording.markers) for recording in prepared.recordings["train"])
    assert prepared.teacher_embeddings is None


def test_a_distilled_method_adds_the_teacher_and_nothing_else(trained, tmp_path):
    teacher = Run.load(trained.run)
    job = TrainingJob(load_dataset(trained.data), small(), tmp_path / "run")
    plain, distilled = GradientDescent().prepare(job), Distilled(teacher, GradientDescent()).prepare(job)
    assert distilled.teacher_embeddings.shape == (len(plain.crops.labels), 16)
    made_from = {"teacher": teacher.digest}
    assert distilled.run.description == replace(plain.run.description, made_from=made_from)


def test_progress_is_reported_as_events(tmp_path):
    events: list[Event] = []
    recipe = Recipe(network="shallow", epochs=2)
    train(TrainingJob(load_dataset(write_experiment(tmp_path)), recipe, tmp_path / "run", report=events.append))
    epochs = [event for event in events if isinstance(event, EpochProgress)]
    assert [(event.epoch, event.n_epochs, event.loss is None) for event in epochs] == [
        (0, 2, True),
        (1, 2, False),
        (2, 2, False),
    ]
    assert any("shallow: " in event.text for event in events if isinstance(event, Message))


def test_a_closed_form_checkpoint_holds_no_optimiser(tmp_path):
    dataset = load_dataset(write_experiment(tmp_path))
    run = train(TrainingJob(dataset, Recipe(network="matched_filter", options={"order": 2}), tmp_path / "run"))
    assert set(run.checkpoint()) == {"epoch", "network", "objective"}


def test_a_teacher_for_a_closed_form_network_is_refused(tmp_path):
    command = TrainCommand(tmp_path, tmp_path, network="matched_filter", teacher=tmp_path)
    with pytest.raises(BadInput, match="--teacher: network matched_filter is fitted by formula and has no teacher"):
        recipe_from_args(command)
