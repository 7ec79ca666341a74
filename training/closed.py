"""Fitting a network that is fitted by formula, in the place of epochs."""

from collections.abc import Sequence

import numpy as np
import torch

from decoder.closed_form import ClosedForm, Trials
from realtime.errors import BadInput
from training.loop import Trainer
from training.prepare import Segment


def fit_closed(trainer: Trainer, segments: Sequence[Segment], vectors: np.ndarray | None) -> None:
    """Fit the trainer's network to the trials of `segments`; its epochs count as done.

    Labels without given vectors get one axis of the embedding each. Raises BadInput where the network cannot be fitted.
    """
    network, prototypes = trainer.network, trainer.objective.prototypes
    if not isinstance(network, ClosedForm):
        raise TypeError(f"{type(network).__name__} is not fitted by formula")
    if vectors is None:
        with torch.no_grad():
            prototypes.copy_(torch.eye(*prototypes.shape))
    kept = [segment for segment in segments if segment.signal.size]
    trials = Trials(
        signals=[segment.signal for segment in kept],
        onsets=[np.searchsorted(segment.sample, segment.onsets) for segment in kept],
        labels=[segment.labels for segment in kept],
        vectors=prototypes.detach().numpy(),
        prototypes=vectors is None,
    )
    try:
        network.cpu().fit(trials)
    except ValueError as error:
        raise BadInput(f"network {trainer.recipe.network}: {error}") from error
    network.to(trainer.device)
    trainer.epoch = trainer.recipe.epochs
