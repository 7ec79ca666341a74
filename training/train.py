"""`glimpse train`: a dataset file in, a run folder out."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from realtime.bundle import positions_to_json
from realtime.errors import BadInput
from realtime.montage import positions
from realtime.preprocess import PreprocessConfig
from realtime.recording import Recording
from training.batches import loader
from training.calibration import calibrate
from training.dataset import check_labels, digest, load_dataset, load_split
from training.dataset_schema import DatasetFile
from training.line_noise import notch_for
from training.loop import Trainer, choose_device, choose_precision, fit, whiten
from training.objective import Objective
from training.prepare import crops_of, segments_of
from training.recipe import Recipe, recipe_named
from training.run import Run, RunDescription
from training.targets import load_targets

console = Console(highlight=False)


def train(dataset: DatasetFile, recipe: Recipe, out: Path, stop_after: int | None = None) -> Run:
    """Train on `dataset.files.train` and calibrate confidence on `valid`; `test` is not read.

    A run folder that holds an unfinished run of the same data and recipe is gone on with, exactly.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file, and a run needs a folder; choose another --out")
    recordings = learned_from(dataset)
    labels, vectors = load_targets(dataset)
    description = describe(dataset, recipe, recordings, labels, vectors)
    run = Run(out, description)
    torch.manual_seed(recipe.seed)
    network = run.build()
    device, device_why = choose_device()
    precision, precision_why = choose_precision(recipe.precision, device)
    console.print(f"device {device.type}: {device_why}; precision {precision}: {precision_why}")

    front = run.front()
    console.print(f"{front.preprocess}, a decision every {front.hop_s * 1e3:.0f} ms")
    segments = [s for recording in recordings["train"] for s in segments_of(recording, front, labels)]
    crops = crops_of(segments, front, dataset.window_s, recipe.lead_s)
    whiten(network, [segment.signal for segment in segments], recipe.whitening)
    objective = Objective(len(labels), recipe.embedding_dim, vectors, recipe.label_smoothing, recipe.contrastive)
    batches, sampler = loader(crops, recipe, device)
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


def describe(
    dataset: DatasetFile,
    recipe: Recipe,
    recordings: dict[str, list[Recording]],
    labels: tuple[str, ...],
    vectors: np.ndarray | None,
) -> RunDescription:
    """The run's description, everything that `auto` stood for decided from training data."""
    first = recordings["train"][0]
    for recording in recordings["train"] + recordings["valid"]:
        if recording.sfreq != first.sfreq:
            raise BadInput(
                f"{recording.name}: runs at {recording.sfreq:g} Hz and {first.name} at {first.sfreq:g}; one bundle "
                "decodes one rate, so train on recordings of the same rate"
            )
    if dataset.window_s[1] <= 0:
        raise BadInput(
            f"{dataset.path}: window_s ends at {dataset.window_s[1]:g} s, but trials are decoded from onset on, so "
            "it needs an end above 0; move it"
        )
    wanted = dataset.preprocess
    notch_hz = notch_for(recordings["train"], wanted.lowpass_hz) if wanted.notch_hz == "auto" else wanted.notch_hz
    preprocess = PreprocessConfig(
        highpass_hz=wanted.highpass_hz,
        lowpass_hz=wanted.lowpass_hz,
        notch_hz=notch_hz,
        sfreq=wanted.sfreq,
        reference=wanted.reference,
    )
    where = positions(first.ch_names)
    network = {
        "n_channels": len(first.ch_names),
        "sfreq": wanted.sfreq,
        "hop_samples": recipe.hop_samples,
        "embedding_dim": recipe.embedding_dim if vectors is None else vectors.shape[1],
        "positions": [None if None in row else row for row in positions_to_json(where)],
        **recipe.options,
    }
    return RunDescription(
        name=dataset.name,
        network={"name": recipe.network, "config": network},
        ch_names=list(first.ch_names),
        rename=dataset.channels.rename,
        positions_m=positions_to_json(where),
        sfreq=first.sfreq,
        hop_samples=recipe.hop_samples,
        window_s=list(dataset.window_s),
        preprocess=asdict(preprocess),
        events=dataset.markers or {label: label for label in labels},
        targets=dataset.targets if isinstance(dataset.targets, str) else next(iter(dataset.targets.model_dump())),
        labels=list(labels),
        recipe=asdict(recipe),
        simulate=dataset.simulate.model_dump(mode="json", exclude={"labels", "ch_names"}) if dataset.simulate else {},
        data={
            split: {
                "files": [Path(recording.name).name for recording in found],
                "trials": dict(Counter(label for recording in found for _, label in recording.markers)),
                "digests": [digest(recording) for recording in found],
            }
            for split, found in recordings.items()
        },
    )


@dataclass(frozen=True)
class TrainCommand:
    """Train a network on the recordings a dataset file names."""

    data: Path  # dataset file
    out: Path  # run folder to write
    recipe: str = "small"  # small or demo
    epochs: int | None = None  # instead of the recipe's
    seed: int = 0


def main(argv: list[str]) -> int:
    """Run `glimpse train`."""
    command = tyro.cli(Annotated[TrainCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse train")
    recipe = replace(recipe_named(command.recipe), seed=command.seed)
    for key, least in (("epochs", 1), ("seed", 0)):
        if (value := getattr(command, key)) is not None and value < least:
            raise BadInput(f"--{key}: {value} found, {least} or more needed")
    recipe = replace(recipe, epochs=command.epochs or recipe.epochs)
    run = train(load_dataset(command.data), recipe, command.out)
    n_trials = run.calibration.n_trials
    console.print(
        f"wrote {run.path}; confidence calibrated on {n_trials} validation trials"
        if n_trials
        else f"wrote {run.path}; no validation files, so confidence is not calibrated"
    )
    return 0
