"""The training loop: exact resume, what decays, what is clipped, and what stops it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from decoder.networks import build_network
from tests.helpers.toy_training import NETWORK, RECIPE, WINDOW_S, toy_trainer
from training.fit.device import choose_precision
from training.fit.sensor_whitening import whiten
from training.fit.trainer import Trainer, absolute_weights, parameter_groups, run_epochs
from training.losses.objective import Objective
from training.runs.description import RunDescription
from training.runs.run import Run

ROOT = Path(__file__).parents[3]


def empty_run(path: Path) -> Run:
    description = RunDescription(
        name="toy",
        network={"name": "gat_transformer", "config": NETWORK},
        ch_names=["Cz", "Oz"],
        positions_m=[[None] * 3] * 2,
        sfreq=128.0,
        hop_samples=8,
        window_s=[0.0, WINDOW_S],
        preprocess={"reference": "none"},
        events={"1": "none", "2": "rhythm"},
        targets="labels",
        labels=["none", "rhythm"],
        recipe={"epochs": RECIPE.epochs},
        data={},
    )
    run = Run(path, description)
    run.save()
    return run


def train_to(path: str, epochs: int, mixup: float) -> None:
    """Go on with the run in `path`, or begin it, until `epochs`; what another process calls."""
    recipe = replace(RECIPE, mixup=mixup)
    trainer, batches, sampler = toy_trainer(recipe)
    run = empty_run(Path(path))
    if saved := run.checkpoint():
        trainer.restore(saved)
    run_epochs(run, trainer, batches, sampler, stop_after=epochs)


def same(one: object, two: object) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two


@pytest.mark.parametrize("mixup", [0.0, 1.0])
def test_four_epochs_are_two_then_two_more_in_another_process_to_the_last_bit(tmp_path, mixup):
    """Weights, moments, schedule and random state alike."""
    train_to(str(tmp_path / "straight"), 4, mixup)
    train_to(str(tmp_path / "broken"), 2, mixup)
    torch.manual_seed(12345)
    code = f"from tests.training.fit.test_trainer import train_to; train_to({str(tmp_path / 'broken')!r}, 4, {mixup})"
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, env=os.environ | threads)
    straight, broken = (Run.load(tmp_path / name).checkpoint() for name in ("straight", "broken"))
    assert straight["epoch"] == broken["epoch"] == 4
    assert same(straight, broken)
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("straight", "broken")]
    assert logs[0] == logs[1]
    assert [json.loads(line)["epoch"] for line in logs[0].splitlines()] == [1, 2, 3, 4]


def test_the_loss_falls_on_what_can_be_learned():
    trainer, batches, sampler = toy_trainer(replace(RECIPE, epochs=12, mixup=0.0, label_smoothing=0.0))
    losses = []
    for sampler.epoch in range(12):
        losses.append(trainer.train_epoch(batches, WINDOW_S))
    assert losses[-1] < 0.5 * losses[0]


def test_decay_is_for_matrices_and_kernels_only():
    """Each weight is in one group; prototypes, which the loss normalises, do not decay."""
    modules = nn.ModuleList([build_network("gat_transformer", **NETWORK), Objective(2, 4, None, RECIPE)])
    decayed, plain = parameter_groups(modules, 0.05)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.05, 0.0)
    everyone = dict(modules.named_parameters())
    assert {id(p) for p in decayed["params"] + plain["params"]} == {id(p) for p in everyone.values()}
    assert len(decayed["params"]) + len(plain["params"]) == len(everyone)
    assert all(p.ndim >= 2 for p in decayed["params"])
    assert {id(p) for p in plain["params"] if p.ndim >= 2} == {id(everyone["1.prototypes"])}


def test_an_l1_penalty_makes_matrices_and_kernels_smaller():
    """Norms and biases are no part of it; without decay, which would shrink them too."""
    layer = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    assert absolute_weights(layer) == layer[0].weight.abs().sum()
    sizes = []
    for l1 in (0.0, 0.1):
        trainer, batches, _ = toy_trainer(replace(RECIPE, l1=l1, weight_decay=0.0))
        before = absolute_weights(trainer.network).item()
        for _ in range(2):
            trainer.train_epoch(batches, WINDOW_S)
        sizes.append(absolute_weights(trainer.network).item() / before)
    assert sizes[1] < 0.98 < sizes[0]


def test_the_gradient_is_clipped():
    """With a limit near zero a step moves nothing but what AdamW's own scale makes of it; the norm says so."""
    trainer, batches, _ = toy_trainer(replace(RECIPE, clip_norm=1e-3))
    norms = []

    def measure(optimiser: torch.optim.Optimizer, *_: object) -> None:
        gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
        norms.append(float(torch.cat([g.flatten() for g in gradients]).norm()))

    trainer.optimiser.register_step_pre_hook(measure)
    trainer.train_epoch(batches, WINDOW_S)
    assert max(norms) <= 1e-3 * 1.001


def test_a_batch_with_nan_stops_training_before_it_spoils_a_weight(tmp_path):
    run = empty_run(tmp_path / "run")
    healthy, batches, sampler = toy_trainer()
    run_epochs(run, healthy, batches, sampler, stop_after=1)
    before = (run.path / "checkpoint.pt").read_bytes()
    trainer, batches, sampler = toy_trainer(spoiled=True)
    trainer.restore(run.checkpoint())
    with pytest.raises(FloatingPointError) as error:
        run_epochs(run, trainer, batches, sampler)
    sentence = str(error.value)
    assert re.match(r"epoch 2, batch [1-3]: the loss is not finite; the batch lies in ", sentence)
    assert str(run.path / "bad_batch.pt") in sentence
    assert f"{run.path / 'checkpoint.pt'} holds epoch 1" in sentence
    assert "\n" not in sentence
    batch = torch.load(run.path / "bad_batch.pt", weights_only=True)
    assert batch["epoch"] == 2
    assert f"batch {batch['batch']}:" in sentence
    assert len(batch["signal"]) == len(batch["label"]) == len(batch["onset"]) == 4
    assert batch["signal"].isnan().any(dim=(1, 2)).sum() == 1
    assert all(torch.isfinite(p).all() for p in trainer.modules.parameters())
    assert (run.path / "checkpoint.pt").read_bytes() == before
    assert sorted(file.name for file in run.path.iterdir()) == [
        "bad_batch.pt",
        "checkpoint.pt",
        "log.jsonl",
        "run.json",
    ]


def test_a_non_finite_loss_stops_training_with_the_fp16_scaler():
    trainer, batches, _ = toy_trainer(replace(RECIPE, mixup=0.0), spoiled=True)
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    with pytest.raises(FloatingPointError, match="epoch 1"):
        trainer.train_epoch(batches, WINDOW_S)
    assert all(torch.isfinite(p).all() for p in trainer.modules.parameters())
    assert trainer.epoch == 0


def test_a_gradient_that_is_not_finite_stops_training_though_the_loss_is(tmp_path):
    """Where no epoch has ended yet, the sentence does not name a checkpoint."""
    run = empty_run(tmp_path / "run")
    trainer, batches, sampler = toy_trainer()
    trainer.modules[1].prototypes.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(FloatingPointError, match="epoch 1, batch 1: the gradient is not finite;.* no checkpoint was"):
        run_epochs(run, trainer, batches, sampler)
    assert not (run.path / "checkpoint.pt").exists()


def test_bf16_trains_on_the_cpu_and_weights_stay_float32():
    trainer, batches, _ = toy_trainer(replace(RECIPE, precision="bf16"))
    assert np.isfinite(trainer.train_epoch(batches, WINDOW_S))
    assert {p.dtype for p in trainer.modules.parameters()} == {torch.float32}


def test_precision_is_the_requested_one_or_fp32_on_the_cpu():
    assert choose_precision("auto", torch.device("cpu"))[0] == "fp32"
    assert choose_precision("bf16", torch.device("cpu")) == ("bf16", "the recipe asks for it")


@pytest.mark.parametrize(("epochs", "n_batches"), [(1, 1), (1, 2), (5, 1), (10, 1), (2, 30)])
def test_a_run_of_any_length_has_a_schedule(epochs, n_batches):
    """OneCycleLR itself divides by zero where the warm-up is one step: five steps with a fifth of them to warm up."""
    recipe = replace(RECIPE, epochs=epochs)
    network, objective = build_network("gat_transformer", **NETWORK), Objective(2, 4, None, RECIPE)
    trainer = Trainer(network, objective, recipe, n_batches, torch.device("cpu"))
    rates = []
    for _ in range(epochs * n_batches):
        trainer.optimiser.step()
        rates.append(trainer.schedule.get_last_lr()[0])
        trainer.schedule.step()
    assert all(0 < rate <= recipe.lr for rate in rates)
    assert max(rates) > 0.5 * recipe.lr or epochs * n_batches < 3


def test_whitening_makes_the_training_channels_uncorrelated_and_equal():
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.8], [0.0, 0.3]])
    signals = [mixing @ rng.standard_normal((2, 3000)) for _ in range(2)]
    network = build_network("gat_transformer", **NETWORK)
    whiten(network, signals, replace(RECIPE, whitening=0.0))
    white = network.power.whitening.numpy() @ np.concatenate(signals, axis=1)
    np.testing.assert_allclose(white @ white.T / white.shape[1], np.eye(2), atol=1e-4)
