"""`glimpse train`: a dataset file in, a run folder out."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from decoder.networks import NETWORKS
from realtime.errors import BadInput
from realtime.montage import positions
from realtime.recording import Recording
from training.batches import loader
from training.calibration import calibrate
from training.dataset import check_labels, load_dataset, load_split
from training.dataset_schema import DatasetFile
from training.describe import describe
from training.graph_priors import prior
from training.loop import Trainer, choose_device, choose_precision, fit, prepare
from training.objective import Objective
from training.prepare import crops_of, segments_of
from training.recipe import Recipe, changed, recipe_named
from training.run import Run, RunDescription
from training.start import freeze, start_from
from training.targets import load_targets
from training.teacher import check_teacher, taught, window_crops

console = Console(highlight=False)


def train(
    dataset: DatasetFile,
    recipe: Recipe,
    out: Path,
    stop_after: int | None = None,
    teacher: Run | None = None,
    start: Run | None = None,
) -> Run:
    """Train on `dataset.files.train` and calibrate confidence on `valid`; `test` is not read.

    A run folder that holds an unfinished run of the same data and recipe is gone on with, exactly. Embeddings are also
    drawn to those of `teacher`, a finished run; weights begin as those of `start`, where names and shapes are the same.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file, and a run needs a folder; choose another --out")
    recordings = learned_from(dataset)
    labels, vectors = load_targets(dataset)
    description = describe(dataset, recipe, recordings, labels, vectors)
    others = {"teacher": teacher, "start_from": start}
    description = replace(description, made_from={key: run.digest for key, run in others.items() if run})
    if teacher:
        check_teacher(teacher, description)
    front = Run(out, description).front()
    segments = [s for recording in recordings["train"] for s in segments_of(recording, front, labels)]
    signals = [segment.signal for segment in segments if segment.signal.size]
    run = Run(out, with_graph(description, recipe, signals))
    torch.manual_seed(recipe.seed)
    network = run.build()
    device, device_why = choose_device()
    precision, precision_why = choose_precision(recipe.precision, device)
    console.print(f"device {device.type}: {device_why}; precision {precision}: {precision_why}")
    console.print(f"{front.preprocess}, a decision every {front.hop_s * 1e3:.0f} ms")
    try:
        prepare(network, signals, recipe)
    except ValueError as error:
        raise BadInput(f"network {recipe.network}: {error}") from error
    if start:
        console.print(f"weights of {start.path}: {start_from(network, start)}")
    freeze(network, recipe.freeze)
    objective = Objective(len(labels), recipe.embedding_dim, vectors, recipe)
    crops = crops_of(segments, front, dataset.window_s, recipe.lead_s)
    lessons = None
    if teacher:
        lessons = taught(teacher, crops)
        objective.begin_from(teacher.trained()[1].vectors)
    heard = crops if run.streaming else window_crops(segments, description)
    batches, sampler = loader(heard, recipe, device, lessons)
    trainer = Trainer(network, objective, recipe, len(sampler), device)
    resume(run, trainer)
    n_weights = sum(p.numel() for p in network.parameters())
    console.print(f"{recipe.network}: {n_weights:,} weights; {len(crops.where)} trials of {len(labels)} labels")
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

        fit(run, trainer, batches, sampler, progress, stop_after)
    if trainer.epoch >= recipe.epochs:
        run.description = replace(run.description, calibration=asdict(calibrate(run, recordings["valid"])))
        run.save()
    return run


def learned_from(dataset: DatasetFile) -> dict[str, list[Recording]]:
    """The recordings of `train` and `valid`; those of `test` are not opened."""
    recordings = {"train": load_split(dataset, "train")}
    recordings["valid"] = load_split(dataset, "valid", recordings["train"][0].ch_names)
    check_labels(dataset, recordings)
    return recordings


def with_graph(description: RunDescription, recipe: Recipe, signals: list[np.ndarray]) -> RunDescription:
    """The description whose network joins sensors as the recipe's prior found them in training signals."""
    if recipe.graph is None:
        return description
    d = description
    graph = prior(
        recipe.graph,
        signals,
        d.preprocess["sfreq"],
        positions(d.ch_names),
        recipe.neighbours,
        ch_names=d.ch_names,
    )
    return replace(d, network=d.network | {"config": d.network["config"] | graph.options()})


def resume(run: Run, trainer: Trainer) -> None:
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


@dataclass(frozen=True)
class TrainCommand:
    """Train a network on the recordings a dataset file names."""

    data: Path  # dataset file
    out: Path  # run folder to write
    recipe: str = "small"  # small or demo
    network: str | None = None  # by name, from the list below, with its own sizes instead of the recipe's
    options: tuple[str, ...] = ()  # of the network: KEY=VALUE ..., or one JSON object
    graph: str | None = None  # prior that joins sensors, learned from training data: distance, wpli, granger, ...
    neighbours: int = 6  # of each sensor in that graph, itself included
    teacher: Path | None = None  # finished run whose embeddings are matched ever more towards the window's end
    start_from: Path | None = None  # finished run whose weights are taken where name and shape are the same
    freeze: tuple[str, ...] = ()  # layers that keep those weights, such as stem sensors
    set: tuple[str, ...] = ()  # fields of the recipe: KEY=VALUE ..., or one JSON object
    epochs: int | None = None  # instead of the recipe's
    seed: int = 0


def pairs(words: tuple[str, ...], flag: str) -> dict[str, Any]:
    """KEY=VALUE words, values as YAML, or one JSON object."""
    try:
        if len(words) == 1 and words[0].lstrip().startswith("{"):
            return dict(json.loads(words[0]))
        found = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not (key and equals):
                raise BadInput(f"{flag}: {word!r} found, KEY=VALUE or one JSON object needed")
            found[key] = yaml.safe_load(value)
        return found
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{flag}: {' '.join(words)!r} cannot be read ({reason}); write KEY=VALUE or JSON") from None


def asked(command: TrainCommand) -> Recipe:
    """The recipe that a command line asks for."""
    recipe = recipe_named(command.recipe)
    for key, least in (("epochs", 1), ("seed", 0), ("neighbours", 1)):
        if (value := getattr(command, key)) is not None and value < least:
            raise BadInput(f"--{key}: {value} found, {least} or more needed")
    if command.network and command.network not in NETWORKS:
        raise BadInput(f"--network: {command.network!r} is not known, one of {', '.join(NETWORKS)} is needed")
    if command.network and command.network != recipe.network:
        recipe = replace(recipe, network=command.network, options={})
    if command.freeze and not command.start_from:
        raise BadInput("--freeze: keeps weights that were learned before, so it needs --start-from")
    return replace(
        changed(recipe, pairs(command.set, "--set")),
        options=recipe.options | pairs(command.options, "--options"),
        seed=command.seed,
        epochs=command.epochs or recipe.epochs,
        graph=command.graph,
        neighbours=command.neighbours,
        freeze=command.freeze,
    )


def main(argv: list[str]) -> int:
    """Run `glimpse train`."""
    listed = "\n".join(f"  {name}: {kind.about}" for name, kind in NETWORKS.items())
    command = tyro.cli(
        Annotated[TrainCommand, tyro.conf.arg(name="")],
        args=argv,
        prog="glimpse train",
        description=f"{TrainCommand.__doc__}\n\nnetworks:\n{listed}",
    )
    recipe = asked(command)
    teacher, start = (Run.load(path) if path else None for path in (command.teacher, command.start_from))
    run = train(load_dataset(command.data), recipe, command.out, teacher=teacher, start=start)
    n_trials = run.calibration.n_trials
    console.print(
        f"wrote {run.path}; confidence calibrated on {n_trials} validation trials"
        if n_trials
        else f"wrote {run.path}; no validation files, so confidence is not calibrated"
    )
    return 0
