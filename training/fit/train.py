"""Training: a dataset file and a recipe in, a run folder out."""

from dataclasses import asdict, replace

from realtime.errors import BadInput
from training.fit.closed_form import ClosedFormFit
from training.fit.fit_method import FitMethod, PreparedT, TrainingJob
from training.fit.gradient_descent import GradientDescent
from training.fit.plan import network_entry
from training.fit.preparation import Prepared
from training.fit.stack import StackedFit
from training.runs.recipe import Recipe
from training.runs.run import Run


def train(job: TrainingJob) -> Run:
    """Train on `files.train` of the job's dataset by the method of its recipe; see `train_by`."""
    if job.recipe.members:
        return train_by(StackedFit(train), job)
    return train_by(network_method(job.recipe), job)


def train_by(method: FitMethod[PreparedT], job: TrainingJob) -> Run:
    """Train on `files.train` of the job's dataset and calibrate confidence on `files.valid`; `test` is not read.

    A run folder that holds an unfinished run of the same data and recipe is continued exactly. BadInput for a folder
    that holds another run.
    """
    if job.out.exists() and not job.out.is_dir():
        raise BadInput(f"{job.out}: is a file, and a run needs a folder; choose another --out")
    prepared = method.prepare(job)
    result = method.fit(prepared)
    if result.complete:
        calibration = asdict(method.finish(prepared, result.run))
        result.run.description = replace(result.run.description, calibration=calibration)
        result.run.save()
    return result.run


def network_method(recipe: Recipe) -> FitMethod[Prepared]:
    """How the recipe's network is trained on one dataset file."""
    if network_entry(recipe).network.fit_method == "closed_form":
        return ClosedFormFit()
    return GradientDescent()
