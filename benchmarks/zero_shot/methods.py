"""Methods of the zero-shot task: each is fitted on training concepts only and gives embeddings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch

from benchmarks.zero_shot.simulation import CHANNELS, HOP_SAMPLES, WINDOW_S
from benchmarks.zero_shot.trials import AveragedTrials, PresentedTrials
from decoder.layers.encoder import Network
from decoder.networks import NETWORKS, build_network
from decoder.training_trials import TrainingTrials
from realtime.bundle.bundle import positions_to_json
from realtime.sensors.montage import positions
from training.data.loader import make_loader
from training.evaluate.whole_windows import window_embeddings
from training.fit.device import choose_device
from training.fit.sensor_whitening import whiten
from training.fit.trainer import Trainer
from training.losses.objective import Objective
from training.runs.recipe import Recipe

# The same for all: one epoch of 66,710 trials, since new trials improve a network more than repeated ones; every trial
# is cued. 3 to 7 minutes a network on one core.
BUDGET: dict[str, Any] = {
    "hop_samples": HOP_SAMPLES,
    "epochs": 1,
    "batch": 64,
    "lead_s": 0.2,
    "onset_dropout": 0.0,
    "mixup": 0.0,
    "lr": 1e-3,
}


class FittedMethod(Protocol):
    """A fitted method: the score of a vector is the dot product of an embedding with the vector's row."""

    def embed(self, trials: PresentedTrials, groups: np.ndarray | None) -> np.ndarray:
        """Embeddings float32 (n, D') at the end of the window of trials, or of averaged groups of trials."""

    def gallery(self, vectors: np.ndarray) -> np.ndarray:
        """Rows (n_vectors, D') of unit vectors, seen in training or not."""


FitFunction = Callable[[PresentedTrials, int], FittedMethod]


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network, whose embeddings are in the space of the vectors."""

    network: Network
    recipe: Recipe

    def embed(self, trials: PresentedTrials, groups: np.ndarray | None) -> np.ndarray:
        """Embeddings at the last hop of the window."""
        windows = trials.windows(NETWORKS[self.recipe.network].streaming, self.recipe.lead_s)
        return window_embeddings(
            self.network, windows if groups is None else AveragedTrials(windows, groups, windows.hop_samples)
        )

    def gallery(self, vectors: np.ndarray) -> np.ndarray:
        """The rows that the network makes of the vectors."""
        return self.network.bank_rows(torch.as_tensor(vectors)).numpy()


def train_by_descent(recipe: Recipe) -> FitFunction:
    """Glimpse's own training of a network on the vectors of the training concepts."""

    def fit(trials: PresentedTrials, seed: int) -> FittedMethod:
        seeded = replace(recipe, seed=seed)
        torch.manual_seed(seed)
        entry = NETWORKS[seeded.network]
        network = build_network(seeded.network, **network_config(seeded, trials))
        whiten(network, [segment.signal for segment in trials.segments], seeded)
        objective = Objective(len(trials.vectors), trials.vectors.shape[1], trials.vectors, seeded)
        device, _ = choose_device()
        batches, sampler = make_loader(trials.windows(entry.streaming, seeded.lead_s), seeded.sampling, device)
        trainer = Trainer(network, objective, seeded, len(sampler), device)
        for epoch in range(seeded.epochs):
            sampler.epoch = epoch
            trainer.train_epoch(batches, WINDOW_S[1])
        return FittedNetwork(network.cpu().eval(), seeded)

    return fit


def fit_in_closed_form(recipe: Recipe) -> FitFunction:
    """A network that is fitted by formula, without random numbers."""

    def fit(trials: PresentedTrials, seed: int) -> FittedMethod:
        network = build_network(recipe.network, **network_config(recipe, trials))
        network.fit(
            TrainingTrials(
                signals=[segment.signal for segment in trials.segments],
                onsets=[np.searchsorted(segment.sample, segment.onsets) for segment in trials.segments],
                labels=[segment.labels for segment in trials.segments],
                vectors=trials.vectors,
                prototypes=False,
            )
        )
        return FittedNetwork(network.eval(), recipe)

    return fit


def network_config(recipe: Recipe, trials: PresentedTrials) -> dict[str, object]:
    """Configuration of a network for this task."""
    entry, dim = NETWORKS[recipe.network], trials.vectors.shape[1]
    config: dict[str, object] = {
        "n_channels": len(CHANNELS),
        "sfreq": trials.frontend.preprocess.config.sfreq,
        "hop_samples": HOP_SAMPLES,
        "embedding_dim": entry.network.embedding_dim_for(0, dim, dim),
        "positions": positions_to_json(positions(CHANNELS)),
    }
    config |= entry.network.window_config(*WINDOW_S)
    return config | recipe.options


METHODS: dict[str, FitFunction] = {
    # Order 24 was better than 8 on the validation concepts: there is enough signal to fit a long memory.
    "matched_filter": fit_in_closed_form(
        Recipe(network="matched_filter", hop_samples=HOP_SAMPLES, lead_s=0.2, options={"order": 24})
    ),
    "gat_transformer": train_by_descent(Recipe(network="gat_transformer", options={"n_layers": 1}, **BUDGET)),
    "tsconv": train_by_descent(Recipe(network="tsconv", **BUDGET)),
    "atm": train_by_descent(Recipe(network="atm", **BUDGET)),
    "flat_mlp": train_by_descent(Recipe(network="flat_mlp", **BUDGET)),
}
