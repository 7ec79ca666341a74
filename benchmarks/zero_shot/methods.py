"""Decoders of the zero-shot task: each learns from training concepts only and answers with vectors."""

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
from training.fit.trainer import Trainer
from training.fit.whitening import whiten
from training.losses.objective import Objective
from training.runs.recipe import Recipe

# The same for all: one pass over 66,710 trials, since trials never heard teach more than those heard again; every trial
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
    """What has learned: the score of a vector is the inner product of an answer with the vector's place."""

    def embed(self, shown: PresentedTrials, groups: np.ndarray | None) -> np.ndarray:
        """Answers at the end of the window, float32 (n, D'), to trials or to groups of trials averaged."""

    def gallery(self, vectors: np.ndarray) -> np.ndarray:
        """Places (n_vectors, D') of unit vectors, shown or not."""


Learn = Callable[[PresentedTrials, int], FittedMethod]


@dataclass(frozen=True)
class FittedNetwork:
    """A network, whose answers lie in the space of the vectors."""

    network: Network
    recipe: Recipe

    def embed(self, shown: PresentedTrials, groups: np.ndarray | None) -> np.ndarray:
        """Embeddings at the last hop of the window."""
        cuts = shown.cuts(NETWORKS[self.recipe.network].streaming, self.recipe.lead_s)
        return window_embeddings(
            self.network, cuts if groups is None else AveragedTrials(cuts, groups, cuts.hop_samples)
        )

    def gallery(self, vectors: np.ndarray) -> np.ndarray:
        """The rows that the network makes of the vectors."""
        return self.network.bank_rows(torch.as_tensor(vectors)).numpy()


def learn_network(recipe: Recipe) -> Learn:
    """The product's own training of a network, on the vectors of the training concepts."""

    def learn(shown: PresentedTrials, seed: int) -> FittedMethod:
        chosen = replace(recipe, seed=seed)
        torch.manual_seed(seed)
        kind = NETWORKS[chosen.network]
        network = build_network(chosen.network, **config_of(chosen, shown))
        whiten(network, [segment.signal for segment in shown.segments], chosen)
        objective = Objective(len(shown.vectors), shown.vectors.shape[1], shown.vectors, chosen)
        device, _ = choose_device()
        batches, sampler = make_loader(shown.cuts(kind.streaming, chosen.lead_s), chosen, device)
        trainer = Trainer(network, objective, chosen, len(sampler), device)
        for epoch in range(chosen.epochs):
            sampler.epoch = epoch
            trainer.train_epoch(batches, WINDOW_S[1])
        return FittedNetwork(network.cpu().eval(), chosen)

    return learn


def learn_fitted(recipe: Recipe) -> Learn:
    """A network that is fitted by formula, which draws nothing."""

    def learn(shown: PresentedTrials, seed: int) -> FittedMethod:
        network = build_network(recipe.network, **config_of(recipe, shown))
        network.fit(
            TrainingTrials(
                signals=[segment.signal for segment in shown.segments],
                onsets=[np.searchsorted(segment.sample, segment.onsets) for segment in shown.segments],
                labels=[segment.labels for segment in shown.segments],
                vectors=shown.vectors,
                prototypes=False,
            )
        )
        return FittedNetwork(network.eval(), recipe)

    return learn


def config_of(recipe: Recipe, shown: PresentedTrials) -> dict[str, object]:
    """What a network of the task is built from."""
    kind, dim = NETWORKS[recipe.network], shown.vectors.shape[1]
    config: dict[str, object] = {
        "n_channels": len(CHANNELS),
        "sfreq": shown.front.preprocess.config.sfreq,
        "hop_samples": HOP_SAMPLES,
        "embedding_dim": kind.network.embedding_dim_for(0, dim, dim),
        "positions": positions_to_json(positions(CHANNELS)),
    }
    config |= kind.network.window_config(*WINDOW_S)
    return config | recipe.options


METHODS: dict[str, Learn] = {
    # Order 24 and not 8 by the validation concepts. So much signal pays for a long memory.
    "matched_filter": learn_fitted(
        Recipe(network="matched_filter", hop_samples=HOP_SAMPLES, lead_s=0.2, options={"order": 24})
    ),
    "gat_transformer": learn_network(Recipe(network="gat_transformer", options={"n_layers": 1}, **BUDGET)),
    "tsconv": learn_network(Recipe(network="tsconv", **BUDGET)),
    "atm": learn_network(Recipe(network="atm", **BUDGET)),
    "flat_mlp": learn_network(Recipe(network="flat_mlp", **BUDGET)),
}
