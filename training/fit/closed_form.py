"""Training of a network whose weights follow from its trials by formula."""

from dataclasses import dataclass

import numpy as np
import torch

from decoder.training_trials import TrainingTrials
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.calibration.confidence import fit_confidence
from training.fit.fit_method import FitResult, Message, TrainingJob
from training.fit.preparation import Prepared, make_network, prepare_network
from training.runs.run import Run


@dataclass(frozen=True)
class ClosedFormFit:
    """One fit of all weights to the training trials; it draws no random number and needs no epochs."""

    def prepare(self, job: TrainingJob) -> Prepared:
        """Trials of one dataset file."""
        return prepare_network(job)

    def fit(self, prepared: Prepared) -> FitResult:
        """Fit and save the weights; a run folder with a checkpoint is complete already."""
        run, recipe, vectors = prepared.run, prepared.job.recipe, prepared.targets.vectors
        network = make_network(prepared)
        if run.resume():
            prepared.job.report(Message(f"{run.path} is fitted already"))
            return FitResult(run, complete=True)
        # Labels without given vectors get one axis of the embedding each.
        own = torch.eye(len(prepared.targets.labels)) if vectors is None else torch.as_tensor(vectors)
        try:
            network.fit(training_trials(prepared, own.float().numpy()))
        except ValueError as error:
            raise BadInput(f"network {recipe.network}: {error}") from error
        with torch.no_grad():
            rows = own if vectors is None else network.bank_rows(own.float())
        prototypes = {"prototypes": rows}
        run.save_checkpoint({"epoch": recipe.epochs, "network": network.state_dict(), "objective": prototypes})
        return FitResult(run, complete=True)

    def finish(self, prepared: Prepared, run: Run) -> Calibration:
        """Confidence fitted on the validation recordings."""
        return fit_confidence(run, prepared.recordings["valid"])


def training_trials(prepared: Prepared, vectors: np.ndarray) -> TrainingTrials:
    """The trials of the training segments that hold a sample."""
    segments = [segment for segment in prepared.segments if segment.signal.size]
    return TrainingTrials(
        signals=[segment.signal for segment in segments],
        onsets=[np.searchsorted(segment.sample, segment.onsets) for segment in segments],
        labels=[segment.labels for segment in segments],
        vectors=vectors,
        prototypes=prepared.targets.vectors is None,
    )
