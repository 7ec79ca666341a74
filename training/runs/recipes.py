"""The recipes by name."""

from dataclasses import replace

from realtime.errors import BadInput
from training.runs.recipe import Recipe


def small() -> Recipe:
    """Minutes of data from one person: a narrow network, strongly regularised, under three minutes on two cores."""
    return Recipe(options={"dim": 32, "n_layers": 1, "attention_window": 128, "dropout": 0.5})


def stacked() -> Recipe:
    """Minutes of data and no idea yet what carries the answer: four networks, weighed on recordings left out."""
    return replace(small(), members=("gat_transformer", "matched_filter", "riemann", "shallow"))


def demo() -> Recipe:
    """The bundle of `glimpse demo`: simulated amplifier, 48 labels in a space of their own, 25 decisions a second."""
    return Recipe(options={"dim": 64, "n_layers": 1}, hop_samples=5, epochs=16, batch=32, lead_s=0.5)


RECIPES = {"small": small, "stacked": stacked, "demo": demo}


def recipe_named(name: str) -> Recipe:
    """The recipe called `name`."""
    if name not in RECIPES:
        raise BadInput(f"--recipe: {name!r} is not known, one of {', '.join(RECIPES)} is needed")
    return RECIPES[name]()
