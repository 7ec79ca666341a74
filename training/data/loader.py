"""Batches of crops; every random choice follows from (seed, epoch, crop), so that a resumed run sees the same ones.

Shape suffixes: B crops, C channels, T samples, H hops, D embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from training.data.augment import Augment


class Windows(Protocol):
    """What crops are cut from: training.data.crops.Crops, whole windows, or pairs."""

    @property
    def hop_samples(self) -> int:
        """Samples between decisions; the phase of the hop grid is drawn from as many."""

    @property
    def labels(self) -> np.ndarray:
        """Label index of each crop."""

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal (C, T), seconds since onset (H,) and the mask of hops that have a loss (H,) of one crop."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How batches are drawn."""

    batch: int  # crops
    seed: int
    onset_dropout: float = 0.0  # share of crops whose onset is hidden from the network
    repetitions: int = 1  # up to so many crops of a label are averaged
    augment: Augment = field(default_factory=Augment)
    workers: int = 0  # loader processes where there is a GPU to feed


class Batch(NamedTuple):
    """Crops side by side."""

    signal: Tensor  # float32 [B, C, T]
    onset_input: Tensor  # float32 [B, H]: seconds since onset as the network gets them; -1 where the onset is hidden
    onset: Tensor  # float32 [B, H]: seconds since onset
    mask: Tensor  # float32 [B, H]: 1 for hops that have a loss
    label: Tensor  # int64 [B]
    teacher: Tensor  # float32 [B, D]: the teacher's embedding; D is 0 without one


class Example(NamedTuple):
    """One crop; fields as in a Batch, without its first dimension."""

    signal: np.ndarray
    onset_input: np.ndarray
    onset: np.ndarray
    mask: np.ndarray
    label: int
    teacher: np.ndarray


class CropDataset(Dataset[Example]):
    """Crops with their augmentation; an index is (epoch, crop)."""

    def __init__(self, crops: Windows, sampling: Sampling, teacher: np.ndarray | None = None):
        self.crops, self.sampling, self.labels = crops, sampling, crops.labels
        self.teacher = np.zeros((len(self.labels), 0), np.float32) if teacher is None else teacher

    def __getitem__(self, index: tuple[int, int]) -> Example:
        """One crop, or several of its label averaged."""
        epoch, crop = index
        rng = np.random.default_rng((self.sampling.seed, epoch, crop))
        # Live, the hop grid falls anywhere relative to the onset.
        shift = int(rng.integers(self.crops.hop_samples))
        hidden = rng.random() < self.sampling.onset_dropout
        chosen = self.repeats(crop, rng) if self.sampling.repetitions > 1 else [crop]
        signals, onsets, masks = zip(*(self.crops.cut(member, shift) for member in chosen), strict=True)
        # The sum over the root: the background keeps its power, the evoked signal grows as it does in a mean.
        signal = signals[0] if len(chosen) == 1 else np.sum(signals, axis=0) / np.float32(np.sqrt(len(chosen)))
        return Example(
            signal=self.sampling.augment(signal, rng),
            onset_input=np.full_like(onsets[0], -1.0) if hidden else onsets[0],
            onset=onsets[0],
            mask=np.all(masks, axis=0).astype(np.float32),
            label=int(self.labels[crop]),
            teacher=self.teacher[chosen].mean(axis=0),
        )

    def repeats(self, crop: int, rng: np.random.Generator) -> list[int]:
        """The crop and others of its label, one to `repetitions` in all."""
        others = np.flatnonzero(self.labels == self.labels[crop])
        others = others[others != crop]
        n = min(int(rng.integers(self.sampling.repetitions)), len(others))
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
        for batch in np.array_split(order, self.n_batches):
            yield [(self.epoch, int(crop)) for crop in batch]


def collate(items: list[Example]) -> Batch:
    """The crops of a batch side by side."""
    return Batch(*default_collate(items))


def make_loader(
    crops: Windows, sampling: Sampling, device: torch.device, teacher: np.ndarray | None = None
) -> tuple[DataLoader[Example], ShuffledCrops]:
    """The loader, which yields a Batch at a time, and the sampler whose `epoch` is set before each pass.

    `teacher` holds a teacher's embedding of each crop, float32 (n_crops, D).
    """
    sampler = ShuffledCrops(len(crops.labels), sampling.batch, sampling.seed)
    on_gpu = device.type == "cuda"
    workers = sampling.workers if on_gpu else 0  # on the CPU they would occupy the cores the network needs
    batches = DataLoader(
        CropDataset(crops, sampling, teacher),
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=on_gpu,
        generator=torch.Generator(),  # else starting workers would draw from the generator that dropout and mixing use
        persistent_workers=workers > 0,
    )
    return batches, sampler
