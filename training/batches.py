"""Batches of crops; every random choice follows from (seed, epoch, crop), so that a resumed run sees the same ones."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from training.prepare import Crops
from training.recipe import Recipe


class CropDataset(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]]):
    """Crops with their augmentation; an index is (epoch, crop)."""

    def __init__(self, crops: Crops, recipe: Recipe):
        self.crops, self.recipe, self.labels = crops, recipe, crops.labels

    def __getitem__(self, index: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        """Signal, the onset the network hears, the true onset, counted hops, label."""
        epoch, crop = index
        rng = np.random.default_rng((self.recipe.seed, epoch, crop))
        # Live, the hop grid falls anywhere relative to the onset.
        signal, onset, counts = self.crops.cut(crop, shift=int(rng.integers(self.crops.hop_samples)))
        heard = np.full_like(onset, -1.0) if rng.random() < self.recipe.onset_dropout else onset
        return signal, heard, onset, counts.astype(np.float32), int(self.labels[crop])


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


def loader(crops: Crops, recipe: Recipe, device: torch.device) -> tuple[DataLoader, ShuffledCrops]:
    """The loader, and the sampler whose `epoch` is set before each pass."""
    sampler = ShuffledCrops(len(crops.where), recipe.batch, recipe.seed)
    on_gpu = device.type == "cuda"
    workers = recipe.workers if on_gpu else 0  # on the CPU they would take the cores the network needs
    batches = DataLoader(
        CropDataset(crops, recipe),
        batch_sampler=sampler,
        num_workers=workers,
        pin_memory=on_gpu,
        generator=torch.Generator(),  # else starting workers would draw from the generator that dropout and mixing use
        persistent_workers=workers > 0,
    )
    return batches, sampler
