"""Decoders of the zero-shot task: each learns from training concepts only and answers with vectors."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.zero_shot_simulation import CHANNELS, HOP_SAMPLES, WINDOW_S
from decoder.networks import NETWORKS, build
from realtime.bundle import positions_to_json
from realtime.hops import Front
from realtime.montage import positions
from training.batches import Cuts, loader
from training.loop import Trainer, choose_device, prepare
from training.objective import Objective
from training.prepare import Segment, crops_of
from training.recipe import Recipe
from training.teacher import WindowCrops, answers
from training.windows import windows_of

BUDGET: dict[str, Any] = {"hop_samples": HOP_SAMPLES, "epochs": 1, "batch": 64, "lead_s": 0.48}


@dataclass(frozen=True)
class Shown:
    """Trials of some concepts as decoders get them."""

    segments: tuple[Segment, ...]  # their labels are rows of `vectors`
    vectors: np.ndarray  # float32 (n_concepts, D), unit length
    front: Front

    def cuts(self, streaming: bool, lead_s: float) -> Cuts:
        """Every trial, in the order of the segments: crops for streaming networks, windows for others."""
        if streaming:
            return crops_of(self.segments, self.front, WINDOW_S, lead_s)
        windows, labels = windows_of(self.segments, self.front.preprocess.config.sfreq, WINDOW_S)
        return WindowCrops(windows, labels, WINDOW_S[1])

    @property
    def labels(self) -> np.ndarray:
        """Label of every trial."""
        return np.concatenate([segment.labels for segment in self.segments])

    @property
    def each(self) -> int:
        """Trials of each concept."""
        return len(self.labels) // len(self.vectors)

    def groups(self, n: int) -> np.ndarray:
        """Trials n at a time in the order shown, int (n_groups, n): of one concept each, no trial in two of them."""
        by_concept = np.argsort(self.labels, kind="stable").reshape(len(self.vectors), self.each)
        return by_concept[:, : self.each // n * n].reshape(-1, n)


@dataclass(frozen=True)
class Averaged:
    """Trials averaged before a network sees them; the background keeps its power, as in training with repetitions."""

    cuts: Cuts
    groups: np.ndarray  # int (n_groups, n): trials of one label each
    hop_samples: int

    @property
    def labels(self) -> np.ndarray:
        """Label of each group."""
        return self.cuts.labels[self.groups[:, 0]]

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As a crop of one trial; the onset is the first one's, less than a hop apart."""
        signals, onsets, counts = zip(*(self.cuts.cut(int(one), shift) for one in self.groups[index]), strict=True)
        return np.sum(signals, axis=0) / np.float32(np.sqrt(len(signals))), onsets[0], np.all(counts, axis=0)


class Embedder:
    """A network that has learned."""

    def __init__(self, network: nn.Module, streaming: bool, lead_s: float):
        self.network, self.streaming, self.lead_s = network.eval(), streaming, lead_s

    def __call__(self, shown: Shown, groups: np.ndarray | None) -> np.ndarray:
        """Embeddings at the end of the window, float32 (n, D), of trials or of groups of trials averaged."""
        cuts = shown.cuts(self.streaming, self.lead_s)
        return answers(self.network, cuts if groups is None else Averaged(cuts, groups, cuts.hop_samples))


Embed = Callable[[Shown, np.ndarray | None], np.ndarray]
Learn = Callable[[Shown, int], Embed]


def learn_network(recipe: Recipe) -> Learn:
    """The product's own training of a network, on the vectors of the training concepts."""

    def learn(shown: Shown, seed: int) -> Embedder:
        chosen = replace(recipe, seed=seed)
        torch.manual_seed(seed)
        kind = NETWORKS[chosen.network]
        network = build(chosen.network, **config_of(chosen, shown))
        prepare(network, [segment.signal for segment in shown.segments], chosen)
        objective = Objective(len(shown.vectors), shown.vectors.shape[1], shown.vectors, chosen)
        device, _ = choose_device()
        batches, sampler = loader(shown.cuts(kind.streaming, chosen.lead_s), chosen, device)
        trainer = Trainer(network, objective, chosen, len(sampler), device)
        for epoch in range(chosen.epochs):
            sampler.epoch = epoch
            trainer.train_epoch(batches, WINDOW_S[1])
        return Embedder(network.cpu(), kind.streaming, chosen.lead_s)

    return learn


def config_of(recipe: Recipe, shown: Shown) -> dict[str, object]:
    """What a network of the task is built from."""
    config: dict[str, object] = {
        "n_channels": len(CHANNELS),
        "sfreq": shown.front.preprocess.config.sfreq,
        "hop_samples": HOP_SAMPLES,
        "embedding_dim": shown.vectors.shape[1],
        "positions": positions_to_json(positions(CHANNELS)),
    }
    if not NETWORKS[recipe.network].streaming:
        config["window_s"] = WINDOW_S[1] - WINDOW_S[0]
    return config | recipe.options


METHODS: dict[str, Learn] = {
    "gat_transformer": learn_network(Recipe(network="gat_transformer", options={"n_layers": 1}, **BUDGET)),
    "tsconv": learn_network(Recipe(network="tsconv", **BUDGET)),
    "atm": learn_network(Recipe(network="atm", **BUDGET)),
    "flat_mlp": learn_network(Recipe(network="flat_mlp", **BUDGET)),
}
