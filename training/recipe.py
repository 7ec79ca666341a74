"""How a network is trained: a recipe is a function that returns one frozen `Recipe`."""

from dataclasses import dataclass, field
from typing import Any

from realtime.errors import BadInput


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run but the data."""

    network: str = "gat_transformer"  # a name from decoder.networks
    options: dict[str, Any] = field(default_factory=dict)  # fields of the network's config
    hop_samples: int = 4  # samples between decisions at preprocess.sfreq
    embedding_dim: int = 16  # width of trained prototypes; image and text targets bring their own
    epochs: int = 20
    batch: int = 16  # trials
    lr: float = 5e-3  # peak of OneCycle
    weight_decay: float = 0.05  # decoupled; none on norms, biases and prototypes
    warm_up: float = 0.2  # part of the steps before the peak
    clip_norm: float = 1.0  # largest gradient norm
    label_smoothing: float = 0.1
    contrastive: float = 0.5  # weight of InfoNCE beside cross-entropy where targets are image or text vectors
    lead_s: float = 1.0  # signal before the onset in each crop
    onset_dropout: float = 0.1  # crops whose onset is hidden, so that the network also runs un-cued
    mixup: float = 1.0  # Beta(mixup, mixup) is the share of each crop when two are added; 0: off
    whitening: float = 0.1  # shrinkage of the training covariance that whitens the power path
    precision: str = "auto"  # auto, fp32, bf16, fp16
    workers: int = 2  # loader processes where there is a GPU to feed
    seed: int = 0


def small() -> Recipe:
    """Minutes of data from one person: a narrow network, strongly regularised, under three minutes on two cores."""
    return Recipe(options={"dim": 32, "n_layers": 1, "attention_window": 128, "dropout": 0.5})


def demo() -> Recipe:
    """The bundle of `glimpse demo`: simulated amplifier, 48 labels in a space of their own, 25 decisions a second."""
    return Recipe(options={"dim": 64, "n_layers": 1}, hop_samples=5, epochs=16, batch=32, lead_s=0.5)


RECIPES = {"small": small, "demo": demo}


def recipe_named(name: str) -> Recipe:
    """The recipe called `name`."""
    if name not in RECIPES:
        raise BadInput(f"--recipe: {name!r} is not known, one of {', '.join(RECIPES)} is needed")
    return RECIPES[name]()
