"""Fitting a network that is fitted by formula, in the place of epochs."""

from collections.abc import Sequence

import numpy as np
import torch

from decoder.training_trials import TrainingTrials
from realtime.errors import BadInput
from training.data.segments import Segment
from training.fit.trainer import Trainer


def fit_closed_form(trainer: Trainer, segments: Sequence[Segment], vectors: np.ndarray | None) -> None:
    """Fit the trainer's network to the trials of `segments`; its epochs count as done.

    Labels without given vectors get one axis of the embedding each; of given vectors the prototypes become the
    network's rows. Raises BadInput where the network cannot be fitted.
    """
    network, prototypes = trainer.network, trainer.objective.prototypes
    own = torch.eye(len(prototypes)) if vectors is None else torch.as_tensor(vectors, dtype=torch.float32)
    kept = [segment for segment in segments if segment.signal.size]
    trials = TrainingTrials(
        signals=[segment.signal for segment in kept],
        onsets=[np.searchsorted(segment.sample, segment.onsets) for segment in kept],
        labels=[segment.labels for segment in kept],
        vectors=own.numpy(),
        prototypes=vectors is None,
    )
    try:
        network.cpu().fit(trials)
    except ValueError as error:
        raise BadInput(f"network {trainer.recipe.network}: {error}") from error
    with torch.no_grad():
        prototypes.copy_(own if vectors is None else network.bank_rows(own))
    network.to(trainer.device)
    trainer.epoch = trainer.recipe.epochs
