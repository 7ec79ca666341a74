"""Batches of crops; every random choice follows from (seed, epoch, crop), so that a resumed run sees the same ones."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from training.runs.recipe import Recipe


class Windows(Protocol):
    """What crops are cut from: training.data.segments.Crops, whole windows, or pairs."""

    @property
    def hop_samples(self) -> int:
        """Samples between decisions; the grid's phase is drawn from as many."""

    @property
    def labels(self) -> np.ndarray:
        """Label index of each crop."""

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal, onset and counted hops of one."""


class Batch(NamedTuple):
    """Crops side by side; of one crop, the same without the first dimension."""

    signal: Any  # float32 (n, C, n_times)
    heard: Any  # float32 (n, H): seconds since onset as the network gets them
    onset: Any  # float32 (n, H): as they are
    counts: Any  # float32 (n, H): 1 where a hop counts
    label: Any  # int64 (n,)
    teacher: Any  # float32 (n, D): the teacher's embedding; D is 0 without one


class CropDataset(Dataset[Batch]):
    """Crops with their augmentation; an index is (epoch, crop)."""

    def __init__(self, crops: Windows, recipe: Recipe, teacher: np.ndarray | None = None):
        self.crops, self.recipe, self.labels = crops, recipe, crops.labels
        self.teacher = np.zeros((len(self.labels), 0), np.float32) if teacher is None else teacher

    def __getitem__(self, index: tuple[int, int]) -> Batch:
        """One crop, or several of its label averaged."""
        epoch, crop = index
        rng = np.random.default_rng((self.recipe.seed, epoch, crop))
        # Live, the hop grid falls anywhere relative to the onset.
        shift = int(rng.integers(self.crops.hop_samples))
        hidden = rng.random() < self.recipe.onset_dropout
        chosen = self.repeats(crop, rng) if self.recipe.repetitions > 1 else [crop]
        signals, onsets, counts = zip(*(self.crops.cut(one, shift) for one in chosen), strict=True)
        # The sum over the root: the background keeps its power, the response grows as it does in a mean.
        signal = signals[0] if len(chosen) == 1 else np.sum(signals, axis=0) / np.float32(np.sqrt(len(chosen)))
        return Batch(
            signal=self.recipe.augment(signal, rng),
            heard=np.full_like(onsets[0], -1.0) if hidden else onsets[0],
            onset=onsets[0],
            counts=np.all(counts, axis=0).astype(np.float32),
            label=int(self.labels[crop]),
            teacher=self.teacher[chosen].mean(axis=0),
        )

    def repeats(self, crop: int, rng: np.random.Generator) -> list[int]:
        """The crop and others of its label, one to `repetitions` in all."""
        others = np.flatnonzero(self.labels == self.labels[crop])
        others = others[others != crop]
        n = min(int(rng.integers(self.recipe.repetitions)), len(others))
        return [crop, *(int(other) for other in rng.choice(others, n, replace=False))]


class ShuffledCrops(Sampler[list[tuple[int, int]]]):
    """Every crop once an epoch, in batches of nearly equal size."""

    def __init__(self, n_crops: int, batch: int, seed: int):
        self.n_crops, self.n_batches, self.seed = n_crops, max(1, n_crops // batch), seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.n_crops)
        for part in np.array_split(order, self.n_batches):
            yield [(self.epoch, int(crop)) for crop in part]


def make_loader(
    crops: Windows, recipe: Recipe, device: torch.device, teacher: np.ndarray | None = None
) -> tuple[DataLoader, ShuffledCrops]:
    """The loader, and the sampler whose `epoch` is set before each pass; `teacher` (n_crops, D) rides along."""
    sampler = ShuffledCrops(len(crops.labels), recipe.batch, recipe.seed)
    on_gpu = device.type == "cuda"
    workers = recipe.workers if on_gpu else 0  # on the CPU they would take the cores the network needs
    batches = DataLoader(
        CropDataset(crops, recipe, teacher),
        batch_sampler=sampler,
        num_workers=workers,
        pin_memory=on_gpu,
        generator=torch.Generator(),  # else starting workers would draw from the generator that dropout and mixing use
        persistent_workers=workers > 0,
    )
    return batches, sampler
