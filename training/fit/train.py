"""A dataset file and a recipe in, a run folder out."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from decoder.networks import NETWORKS
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from realtime.sensors.montage import positions
from training.calibration.confidence import fit_confidence
from training.connectivity.priors import build_prior
from training.data.checks import check_labels
from training.data.crops import crops_of, window_crops
from training.data.dataset import load_split
from training.data.loader import Windows, make_loader
from training.data.schema import DatasetFile
from training.data.segments import preprocess_recording
from training.data.targets import layer_widths, load_targets
from training.fit.closed_form import fit_closed_form
from training.fit.device import choose_device, choose_precision
from training.fit.distillation import check_teacher, teacher_embeddings
from training.fit.plan import plan_run
from training.fit.stack import train_stack
from training.fit.trainer import Trainer, run_epochs
from training.fit.transfer import copy_weights, freeze
from training.fit.two_modalities import (
    Modality,
    fusion_description,
    measure_two_modalities,
    paired_crops,
    write_single_modality_runs,
)
from training.fit.whitening import whiten
from training.losses.objective import Objective
from training.runs.description import RunDescription
from training.runs.recipe import Recipe
from training.runs.run import Run

console = Console(highlight=False)


def train(
    dataset: DatasetFile,
    recipe: Recipe,
    out: Path,
    stop_after: int | None = None,
    teacher: Run | None = None,
    start: Run | None = None,
    second: DatasetFile | None = None,
) -> Run:
    """Train on `dataset.files.train` and calibrate confidence on `valid`; `test` is not read.

    A run folder that holds an unfinished run of the same data and recipe is gone on with, exactly. Embeddings are also
    drawn to those of `teacher`, a finished run; weights begin as those of `start`, where names and shapes are the same.
    With a `second` dataset file, pairs of trials of both are learned from: see training.fit.two_modalities.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file, and a run needs a folder; choose another --out")
    if recipe.members:
        return train_stack(dataset, recipe, out, train, console.print)
    recordings = load_training_splits(dataset)
    labels, vectors = load_targets(dataset)
    layers = layer_widths(dataset)
    by_formula = recipe.network in NETWORKS and NETWORKS[recipe.network].network.fit_method == "closed_form"
    if by_formula and vectors is None:
        recipe = replace(recipe, embedding_dim=len(labels))
    description = plan_run(dataset, recipe, recordings, labels, vectors, layers)
    others = {"teacher": teacher, "start_from": start}
    description = replace(description, made_from={key: run.digest for key, run in others.items() if run})
    if teacher:
        check_teacher(teacher, description)
    front = Run(out, description).front()
    segments = [s for recording in recordings["train"] for s in preprocess_recording(recording, front, labels)]
    signals = [segment.signal for segment in segments if segment.signal.size]
    hops = crops_of(segments, front, dataset.window_s, recipe.lead_s)
    lessons = None if teacher is None else teacher_embeddings(teacher, hops)
    crops: Windows = hops if NETWORKS[recipe.network].streaming else window_crops(segments, description)
    sides: list[Modality] = []
    if second:
        theirs = load_training_splits(second)
        names, _ = load_targets(second)
        sides = [
            Modality(dataset, description, recordings),
            Modality(second, plan_run(second, recipe, theirs, names, vectors, layers), theirs),
        ]
        description = fusion_description(sides, recipe)
        crops = pairs = paired_crops(sides, "train", recipe)
        signals = pairs.signals()
        console.print(f"{len(pairs.labels)} pairs, {pairs.by_stimulus} of one stimulus, the others of one concept")
    run = Run(out, with_graph(description, recipe, signals))
    torch.manual_seed(recipe.seed)
    network = run.build()
    device, device_why = choose_device()
    precision, precision_why = choose_precision(recipe.precision, device)
    console.print(f"device {device.type}: {device_why}; precision {precision}: {precision_why}")
    console.print(f"{front.preprocess}, a decision every {front.hop_s * 1e3:.0f} ms")
    try:
        whiten(network, signals, recipe)
    except ValueError as error:
        raise BadInput(f"network {recipe.network}: {error}") from error
    if start:
        console.print(f"weights of {start.path}: {copy_weights(network, start)}")
    freeze(network, recipe.freeze)
    if recipe.candidates not in ("all", "shown"):
        raise BadInput(f"recipe: candidates is {recipe.candidates!r}, but needs to be all or shown; correct it")
    shown = crops.labels if recipe.candidates == "shown" else None
    rows = None if vectors is None else network.bank_rows(torch.as_tensor(vectors)).numpy()
    objective = Objective(len(labels), recipe.embedding_dim, rows, recipe, layers, shown)
    if teacher:
        objective.begin_from((teacher.checkpoint() or {})["objective"])
    batches, sampler = make_loader(crops, recipe, device, lessons)
    trainer = Trainer(network, objective, recipe, len(sampler), device)
    restore_or_start(run, trainer)
    if by_formula and trainer.epoch < recipe.epochs:
        fit_closed_form(trainer, segments, vectors)
        run.save_checkpoint(trainer.state())
    n_weights = sum(p.numel() for p in network.parameters())
    console.print(f"{recipe.network}: {n_weights:,} weights; {len(crops.labels)} trials of {len(labels)} labels")
    with Progress(
        TextColumn("epoch"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("", total=recipe.epochs, completed=trainer.epoch)

        def progress(epoch: int, loss: float) -> None:
            bar.update(task, completed=epoch, description=f"loss {loss:.3f}")

        run_epochs(run, trainer, batches, sampler, progress, stop_after)
    if trainer.epoch >= recipe.epochs:
        fitted = finish_two_modalities(run, sides, recipe) if sides else fit_confidence(run, recordings["valid"])
        run.description = replace(run.description, calibration=asdict(fitted))
        run.save()
    return run


def finish_two_modalities(run: Run, sides: list[Modality], recipe: Recipe) -> Calibration:
    """What follows the last epoch of a fused run; its confidence is that of each modality's own run."""
    write_single_modality_runs(run, sides)
    if all(side.recordings["valid"] for side in sides):
        try:
            found = measure_two_modalities(run, paired_crops(sides, "valid", recipe))
            said = ", ".join(f"{name} {found[name]:.3f}" for name in ("both", "first", "second"))
            console.print(f"accuracy at the end of {found['n_pairs']} validation pairs: {said}")
        except BadInput as error:
            console.print(f"both modalities together are not measured: {error}")
    return Calibration()


def load_training_splits(dataset: DatasetFile) -> dict[str, list[Recording]]:
    """The recordings of `train` and `valid`; those of `test` are not opened."""
    recordings = {"train": load_split(dataset, "train")}
    recordings["valid"] = load_split(dataset, "valid", recordings["train"][0].ch_names)
    check_labels(dataset, recordings)
    return recordings


def with_graph(description: RunDescription, recipe: Recipe, signals: list[np.ndarray]) -> RunDescription:
    """The description whose network joins sensors as the recipe's prior found them in training signals.

    How strongly goes to networks that read it. BadInput for a network that joins no sensors.
    """
    if recipe.graph is None:
        return description
    d = description
    keys = {name: {field.name for field in fields(kind.config)} for name, kind in NETWORKS.items()}
    own = keys[d.network["name"]]
    if "neighbours" not in own:
        graphs = ", ".join(name for name in keys if "neighbours" in keys[name])
        raise BadInput(
            f"--graph: network {d.network['name']} has no graph of sensors; leave it out or take one of {graphs}"
        )
    graph = build_prior(
        recipe.graph,
        signals,
        d.preprocess["sfreq"],
        positions(d.ch_names, np.array(d.positions_m, dtype=np.float64)),
        recipe.neighbours,
        ch_names=d.ch_names,
    )
    config, options = d.network["config"], graph.options()
    if "edge_features" not in own or config.get("graph_version") == 1:  # GAT scores sensors and not the way between
        del options["edge_features"]
    return replace(d, network=d.network | {"config": config | options})


def restore_or_start(run: Run, trainer: Trainer) -> None:
    """Go on from the folder's checkpoint, or start a new run; BadInput where the folder holds another run."""
    if saved := run.checkpoint():
        if differs := Run.load(run.path).description.differs(run.description):
            raise BadInput(
                f"{run.path}: holds a run whose {', '.join(differs)} differ from what is asked; choose another "
                "--out or remove it"
            )
        trainer.restore(saved)
        console.print(f"going on after epoch {trainer.epoch} of {run.path}")
    else:
        run.save()
