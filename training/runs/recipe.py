"""How a network is trained: a recipe is a function that returns one frozen `Recipe`."""

from dataclasses import field, fields
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from decoder.config import STRICT, Amount, Count, Share, Size, first_fault
from realtime.errors import BadInput
from training.data.augment import Augment
from training.data.loader import Sampling

# What torch would refuse in the middle of a run, or what would be read as another number.
Rate = Annotated[float, Field(ge=1e-9, description="a number, 1e-09 or more")]
WarmUp = Annotated[float, Field(ge=0, le=0.9, description="a number from 0 to 0.9")]
Names = Annotated[tuple[str, ...], Field(description="names only")]


@dataclass(frozen=True, config=STRICT)
class Recipe:
    """Every choice of a training run but the data."""

    network: str = "gat_transformer"  # a name from decoder.networks
    options: dict[str, Any] = field(default_factory=dict)  # fields of the network's config
    members: Names = ()  # networks that are stacked, see training.fit.stack; empty: the one network above
    hop_samples: Size = 4  # samples between decisions at preprocess.sfreq
    embedding_dim: Size = 16  # width of trained prototypes; image and text targets bring their own
    epochs: Size = 20
    batch: Size = 16  # trials
    lr: Rate = 5e-3  # peak of OneCycle
    weight_decay: Amount = 0.05  # decoupled; none on norms, biases and prototypes
    l1: Amount = 0.0  # of the sum of the network's absolute weights, but norms and biases; 3e-4 for LF-CNN
    warm_up: WarmUp = 0.2  # share of the steps before the peak
    clip_norm: Rate = 1.0  # largest gradient norm
    label_smoothing: Share = 0.1
    contrastive: Share = 0.5  # weight of InfoNCE, next to cross-entropy, where targets are image or text vectors
    losses: dict[str, Any] = field(default_factory=dict)  # weight by name; empty: as `contrastive` says
    normalise: str = "both"  # vectors of info_nce that get unit length: both or targets
    soft_temperature: Rate = 0.1  # of soft_targets; lower is harder
    candidates: str = "all"  # labels that compete; shown: those of training trials only, so that others can be added
    distill: Amount = 1.0  # weight of the distance to the teacher, where there is one
    lead_s: Amount = 1.0  # signal before the onset in each crop
    onset_dropout: Share = 0.1  # share of crops whose onset is hidden, so that the network also decodes without cues
    repetitions: Size = 1  # up to so many crops of a label are averaged, a random number each time
    augment: Augment = field(default_factory=Augment)
    mixup: Amount = 1.0  # Beta(mixup, mixup) is the share of each crop when two are added; 0: off
    graph: str | None = None  # prior that connects sensors, of training.connectivity.priors; None: the network's own
    neighbours: Size = 6  # of each sensor in that graph
    freeze: Names = ()  # layers that keep the weights they started from
    whitening: Share = 0.1  # shrinkage of the training covariance that whitens the power path
    precision: str = "auto"  # auto, fp32, bf16, fp16
    workers: Count = 2  # loader processes where there is a GPU to feed
    seed: Count = 0

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


def change_recipe(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with other values in some fields; BadInput names the first that its field does not allow."""
    known = [entry.name for entry in fields(Recipe)]
    if unknown := [key for key in changes if key not in known]:
        raise BadInput(f"--set: recipes have no {unknown[0]!r}, one of {', '.join(known)} is needed")
    values = {entry.name: getattr(recipe, entry.name) for entry in fields(Recipe)}
    for key, value in changes.items():
        values[key] = _augment(value) if key == "augment" else tuple(value) if isinstance(value, list) else value
    try:
        return Recipe(**values)
    except ValidationError as error:
        key, _, needed = first_fault(error, Recipe, values)
        raise BadInput(f"--set: {key} is {changes[key]!r}, but needs {needed}") from None


def _augment(value: Any) -> Augment:
    try:
        return Augment(**value)
    except (TypeError, ValidationError):
        names = ", ".join(entry.name for entry in fields(Augment))
        raise BadInput(f"--set: augment is {value!r}, but needs strengths, 0 or more, of {names}") from None
