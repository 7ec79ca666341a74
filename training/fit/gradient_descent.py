"""Training by gradient descent; epochs, schedule and checkpoints are in trainer.py."""

from dataclasses import dataclass

import torch

from decoder.layers.encoder import Network
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.calibration.confidence import fit_confidence
from training.data.loader import make_loader
from training.fit.device import choose_device, choose_precision
from training.fit.fit_method import FitResult, Message, TrainingJob
from training.fit.preparation import Prepared, make_network, prepare_network
from training.fit.trainer import Trainer, run_epochs
from training.losses.objective import Objective
from training.runs.run import Run


@dataclass(frozen=True)
class GradientDescent:
    """Epochs over the training crops, with a checkpoint after each."""

    def prepare(self, job: TrainingJob) -> Prepared:
        """Crops of one dataset file."""
        return prepare_network(job)

    def fit(self, prepared: Prepared) -> FitResult:
        """Train to the last epoch, or to the job's `stop_after`."""
        job, run, recipe = prepared.job, prepared.run, prepared.job.recipe
        device, device_reason = choose_device()
        precision, precision_reason = choose_precision(recipe.precision, device)
        job.report(Message(f"device {device.type}: {device_reason}; precision {precision}: {precision_reason}"))
        network = make_network(prepared)
        objective = make_objective(prepared, network)
        batches, sampler = make_loader(prepared.crops, recipe.sampling, device, prepared.teacher_embeddings)
        trainer = Trainer(network, objective, recipe, len(sampler), device)
        if checkpoint := run.resume():
            trainer.restore(checkpoint)
            job.report(Message(f"going on after epoch {trainer.epoch} of {run.path}"))
        run_epochs(run, trainer, batches, sampler, job.report, job.stop_after)
        return FitResult(run, trainer.epoch >= recipe.epochs)

    def finish(self, prepared: Prepared, run: Run) -> Calibration:
        """Confidence fitted on the validation recordings."""
        return fit_confidence(run, prepared.recordings["valid"])


def make_objective(prepared: Prepared, network: Network) -> Objective:
    """The losses, and the label vectors they draw embeddings to; BadInput where they do not fit the targets."""
    recipe, targets = prepared.job.recipe, prepared.targets
    if recipe.candidates not in ("all", "shown"):
        raise BadInput(f"recipe: candidates is {recipe.candidates!r}, but needs to be all or shown; correct it")
    candidates = prepared.crops.labels if recipe.candidates == "shown" else None
    vectors = None if targets.vectors is None else network.bank_rows(torch.as_tensor(targets.vectors)).numpy()
    objective = Objective(len(targets.labels), recipe.embedding_dim, vectors, recipe, targets.layer_widths, candidates)
    if prepared.teacher:
        objective.copy_prototypes((prepared.teacher.checkpoint() or {})["objective"])
    return objective
