"""`glimpse train`: what the command line asks for, as a recipe, a dataset and the runs it begins from."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

import tyro
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from decoder.networks import NETWORKS
from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.fit.distillation import Distilled
from training.fit.fit_method import EpochProgress, Event, Message, TrainingJob
from training.fit.train import network_method, train, train_by
from training.fit.two_modalities import TwoModalities
from training.runs.recipe import Recipe, change_recipe
from training.runs.recipes import RECIPES, recipe_named
from training.runs.run import Run

console = Console(highlight=False)


@dataclass(frozen=True)
class TrainCommand:
    """Train a network on the recordings a dataset file names."""

    data: Path  # dataset file (YAML): glimpse data list shows those that are here
    out: Path  # run folder to write
    recipe: str = "small"  # by name, from the list above
    network: str | None = None  # by name, from the list above, with its own sizes instead of the recipe's
    options: tuple[str, ...] = ()  # of the network: KEY=VALUE ..., or one JSON object
    graph: str | None = None  # prior that joins sensors, learned from training data: distance, wpli, granger, ...
    neighbours: int = 6  # neighbours of each sensor in that graph, itself included
    teacher: Path | None = None  # finished run whose embeddings are matched ever more towards the window's end
    start_from: Path | None = None  # finished run whose weights are taken where name and shape are the same
    pair: Path | None = None  # dataset file of a second modality that saw the same stimuli; for --network fusion
    freeze: tuple[str, ...] = ()  # layers that keep those weights, such as stem sensors
    set: tuple[str, ...] = ()  # other fields of the recipe, such as lr=0.001 batch=32: KEY=VALUE ..., or JSON
    epochs: int | None = None  # passes over the recordings; left out: the recipe's number
    seed: int = 0  # of weights, order and crops


# Fields of the recipe that have a flag of their own.
FLAGS = ("network", "options", "graph", "neighbours", "freeze", "epochs", "seed")
# YAML 1.1 takes 1e-3 for a word, since it wants a point before the exponent.
EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


class ConsoleReport:
    """Prints what training reports, with a bar over its epochs."""

    def __init__(self, console: Console):
        self.console = console
        self.bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Print a sentence, or move the bar."""
        match event:
            case Message(text):
                self.close()
                self.console.print(text)
            case EpochProgress(epoch, n_epochs, loss):
                bar = self.bar or self.open(n_epochs)
                description = "" if loss is None else f"loss {loss:.3f}"
                bar.update(bar.task_ids[0], completed=epoch, description=description)
                if epoch >= n_epochs:
                    self.close()

    def open(self, n_epochs: int) -> Progress:
        """A bar of so many epochs."""
        self.bar = Progress(
            TextColumn("epoch"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self.bar.add_task("", total=n_epochs)
        self.bar.start()
        return self.bar

    def close(self) -> None:
        """Leave the bar as it is on the screen."""
        if self.bar:
            self.bar.stop()
            self.bar = None


def parse_pairs(words: tuple[str, ...], flag: str) -> dict[str, Any]:
    """KEY=VALUE words, values as YAML, or one JSON object."""
    try:
        if len(words) == 1 and words[0].lstrip().startswith("{"):
            return dict(json.loads(words[0]))
        values = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not (key and equals):
                raise BadInput(f"{flag}: {word!r} found, KEY=VALUE or one JSON object needed")
            values[key] = float(value) if EXPONENT.fullmatch(value) else yaml.safe_load(value)
        return values
    except BadInput:
        raise
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{flag}: {' '.join(words)!r} cannot be read ({reason}); write KEY=VALUE or JSON") from None


def recipe_from_args(command: TrainCommand) -> Recipe:
    """The recipe that a command line asks for."""
    recipe = recipe_named(command.recipe)
    for key, least in (("epochs", 1), ("seed", 0), ("neighbours", 1)):
        if (value := getattr(command, key)) is not None and value < least:
            raise BadInput(f"--{key}: {value} found, {least} or more needed")
    if command.network and command.network not in NETWORKS:
        raise BadInput(f"--network: {command.network!r} is not known, one of {', '.join(NETWORKS)} is needed")
    if command.network and command.network != recipe.network:
        recipe = replace(recipe, network=command.network, options={})
    changes = parse_pairs(command.set, "--set")
    if own := [key for key in FLAGS if key in changes]:
        raise BadInput(f"--set: {own[0]} has a flag of its own; write --{own[0]}")
    recipe = change_recipe(recipe, changes)
    if recipe.members:
        _check_stacked(command, recipe)
    if command.teacher and command.pair:
        raise BadInput("--teacher: hears one modality, so it cannot teach a run with --pair; leave one of them out")
    if command.teacher and NETWORKS[recipe.network].network.fit_method == "closed_form":
        raise BadInput(f"--teacher: network {recipe.network} is fitted by formula and has no teacher; leave it out")
    if command.freeze and not command.start_from:
        raise BadInput("--freeze: keeps weights that were learned before, so it needs --start-from")
    return replace(
        recipe,
        options=recipe.options | parse_pairs(command.options, "--options"),
        seed=command.seed,
        epochs=command.epochs or recipe.epochs,
        graph=command.graph,
        neighbours=command.neighbours,
        freeze=command.freeze,
    )


def _check_stacked(command: TrainCommand, recipe: Recipe) -> None:
    """BadInput for what a stack, which trains each member from nothing and several times, would not heed."""
    for flag in ("network", "teacher", "start_from", "pair"):
        if getattr(command, flag):
            raise BadInput(
                f"--{flag.replace('_', '-')}: means one network, but the recipe stacks {', '.join(recipe.members)}; "
                "leave it out, or choose another --recipe or --set members=[...]"
            )


def main(argv: list[str]) -> int:
    """Run `glimpse train`."""
    listed = "\n".join(f"  {name}: {kind.about}" for name, kind in NETWORKS.items())
    recipes = "\n".join(f"  {name}: {made.__doc__}" for name, made in RECIPES.items())
    command = tyro.cli(
        Annotated[TrainCommand, tyro.conf.arg(name="")],
        args=argv,
        prog="glimpse train",
        config=TYRO_CONFIG,
        description=f"{TrainCommand.__doc__}\n\nrecipes:\n{recipes}\n\nnetworks:\n{listed}",
    )
    recipe = recipe_from_args(command)
    start = Run.load(command.start_from) if command.start_from else None
    second = load_dataset(command.pair) if command.pair else None
    with ConsoleReport(console) as report:
        job = TrainingJob(load_dataset(command.data), recipe, command.out, start, report=report)
        if second:
            run = train_by(TwoModalities(second), job)
        elif command.teacher:
            run = train_by(Distilled(Run.load(command.teacher), network_method(recipe)), job)
        else:
            run = train(job)
    if second:
        console.print(f"wrote {run.path}; for one modality alone: {run.path / 'first'} and {run.path / 'second'}")
        return 0
    n_trials = run.calibration.n_trials
    console.print(
        f"wrote {run.path}; confidence calibrated on {n_trials} validation trials"
        if n_trials
        else f"wrote {run.path}; no validation files, so confidence is not calibrated"
    )
    return 0
