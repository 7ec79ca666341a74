"""How a network is trained: a recipe is a function that returns one frozen `Recipe`."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from realtime.errors import BadInput
from training.data.augment import Augment
from training.data.loader import Sampling


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run but the data."""

    network: str = "gat_transformer"  # a name from decoder.networks
    options: dict[str, Any] = field(default_factory=dict)  # fields of the network's config
    members: tuple[str, ...] = ()  # networks that are stacked: see training.fit.stack; empty: the one network above
    hop_samples: int = 4  # samples between decisions at preprocess.sfreq
    embedding_dim: int = 16  # width of trained prototypes; image and text targets bring their own
    epochs: int = 20
    batch: int = 16  # trials
    lr: float = 5e-3  # peak of OneCycle
    weight_decay: float = 0.05  # decoupled; none on norms, biases and prototypes
    l1: float = 0.0  # of the sum of the network's absolute weights, but norms and biases; 3e-4 for LF-CNN
    warm_up: float = 0.2  # part of the steps before the peak
    clip_norm: float = 1.0  # largest gradient norm
    label_smoothing: float = 0.1
    contrastive: float = 0.5  # weight of InfoNCE beside cross-entropy where targets are image or text vectors
    losses: dict[str, float] = field(default_factory=dict)  # weight by name; empty: what the line above says
    normalise: str = "both"  # sides of clip_symmetric brought to unit length; or targets
    soft_temperature: float = 0.1  # of soft_targets; lower is harder
    candidates: str = "all"  # labels told apart; shown: those of training trials only, for labels still to be met
    distill: float = 1.0  # weight of the distance to the teacher, where there is one
    lead_s: float = 1.0  # signal before the onset in each crop
    onset_dropout: float = 0.1  # crops whose onset is hidden, so that the network also runs un-cued
    repetitions: int = 1  # up to so many crops of a label are averaged, a random number each time
    augment: Augment = field(default_factory=Augment)
    mixup: float = 1.0  # Beta(mixup, mixup) is the share of each crop when two are added; 0: off
    graph: str | None = None  # prior that joins sensors, of training.connectivity.priors; None: the network's own
    neighbours: int = 6  # of each sensor in that graph
    freeze: tuple[str, ...] = ()  # layers that keep the weights they started from
    whitening: float = 0.1  # shrinkage of the training covariance that whitens the power path
    precision: str = "auto"  # auto, fp32, bf16, fp16
    workers: int = 2  # loader processes where there is a GPU to feed
    seed: int = 0

    @property
    def sampling(self) -> Sampling:
        """How batches are drawn from the training crops."""
        return Sampling(
            batch=self.batch,
            seed=self.seed,
            onset_dropout=self.onset_dropout,
            repetitions=self.repetitions,
            augment=self.augment,
            workers=self.workers,
        )


# Least and greatest of numbers that torch would refuse in the middle of a run, or that would be read as another.
LIMITS = {
    "hop_samples": (1, math.inf),
    "embedding_dim": (1, math.inf),
    "epochs": (1, math.inf),
    "batch": (1, math.inf),
    "lr": (1e-9, math.inf),
    "weight_decay": (0, math.inf),
    "l1": (0, math.inf),
    "warm_up": (0, 0.9),
    "clip_norm": (1e-9, math.inf),
    "label_smoothing": (0, 1),
    "contrastive": (0, 1),
    "soft_temperature": (1e-9, math.inf),
    "distill": (0, math.inf),
    "lead_s": (0, math.inf),
    "onset_dropout": (0, 1),
    "repetitions": (1, math.inf),
    "mixup": (0, math.inf),
    "whitening": (0, 1),
    "workers": (0, math.inf),
}


def change_recipe(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with other values in some fields, of the kinds of their defaults; BadInput names what does not fit."""
    known = {entry.name: entry for entry in fields(Recipe)}
    fresh, values = Recipe(), dict[str, Any]()
    for key, value in changes.items():
        if key not in known:
            raise BadInput(f"--set: recipes have no {key!r}, one of {', '.join(known)} is needed")
        default = getattr(fresh, key)
        if isinstance(default, Augment):
            value = _augment(value)
        elif isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        kind = str if default is None else type(default)
        if not isinstance(value, kind) or isinstance(value, bool) != isinstance(default, bool):
            raise BadInput(f"--set: {key} is {value!r}, but needs a value like {default!r}")
        if isinstance(value, tuple) and not all(isinstance(name, str) for name in value):
            raise BadInput(f"--set: {key} is {list(value)!r}, but needs names only")
        if key in LIMITS:
            _check_limits(key, float(value), *LIMITS[key])
        values[key] = value
    return replace(recipe, **values)


def _check_limits(key: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        needed = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
        raise BadInput(f"--set: {key} is {value:g}, but needs {needed}")


def _augment(value: Any) -> Augment:
    names = [entry.name for entry in fields(Augment)]
    if not isinstance(value, dict) or not all(
        key in names and isinstance(strength, int | float) and 0 <= strength < math.inf
        for key, strength in value.items()
    ):
        raise BadInput(f"--set: augment is {value!r}, but needs strengths, 0 or more, of {', '.join(names)}")
    return Augment(**value)
