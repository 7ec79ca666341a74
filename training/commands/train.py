"""`glimpse train`: what the command line asks for, as a recipe, a dataset and the runs it begins from."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
import yaml

from decoder.networks import NETWORKS
from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.fit.train import console, train
from training.runs.recipe import Recipe, change_recipe
from training.runs.recipes import RECIPES, recipe_named
from training.runs.run import Run


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


def parse_pairs(words: tuple[str, ...], flag: str) -> dict[str, Any]:
    """KEY=VALUE words, values as YAML, or one JSON object."""
    try:
        if len(words) == 1 and words[0].lstrip().startswith("{"):
            return dict(json.loads(words[0]))
        found = {}
        for word in words:
            key, equals, value = word.partition("=")
            if not (key and equals):
                raise BadInput(f"{flag}: {word!r} found, KEY=VALUE or one JSON object needed")
            found[key] = float(value) if EXPONENT.fullmatch(value) else yaml.safe_load(value)
        return found
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
                "leave it out, or take another --recipe or --set members=[...]"
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
    teacher, start = (Run.load(path) if path else None for path in (command.teacher, command.start_from))
    second = load_dataset(command.pair) if command.pair else None
    run = train(load_dataset(command.data), recipe, command.out, teacher=teacher, start=start, second=second)
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
