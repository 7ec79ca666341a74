"""Interface of a training method (FitMethod), its input (TrainingJob) and its reports."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from realtime.bundle.calibration import Calibration
from training.data.schema import DatasetFile
from training.runs.recipe import Recipe
from training.runs.run import Run

PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True)
class Message:
    """One sentence about what was decided or done."""

    text: str


@dataclass(frozen=True)
class EpochProgress:
    """How many epochs are done; `loss` is the mean of the last one, None before the first of this call."""

    epoch: int
    n_epochs: int
    loss: float | None = None


Event = Message | EpochProgress


def ignore(event: Event) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class TrainingJob:
    """One training: the data, the recipe and the run folder to fill."""

    dataset: DatasetFile
    recipe: Recipe
    out: Path
    start: Run | None = None  # finished run whose weights are copied where name and shape are the same
    stop_after: int | None = None  # epochs; None: the recipe's number
    report: Callable[[Event], None] = ignore


@dataclass(frozen=True)
class FitResult:
    """A run whose weights are saved."""

    run: Run
    complete: bool  # False: stopped before the last epoch


class FitMethod(Protocol[PreparedT]):
    """A way to train."""

    def prepare(self, job: TrainingJob) -> PreparedT:
        """Read the data and decide what the run is; nothing is learned and nothing is written."""

    def fit(self, prepared: PreparedT) -> FitResult:
        """Learn the weights, from where the run folder's checkpoint ends, and save them."""

    def finish(self, prepared: PreparedT, run: Run) -> Calibration:
        """The confidence of the completed run, and what else is left to write."""
