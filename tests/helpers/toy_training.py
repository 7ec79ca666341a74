"""A toy that can be learned in seconds: segments whose two labels differ in a rhythm, and a small network for them."""

import numpy as np
import torch
from torch.utils.data import DataLoader

from decoder.networks import build_network
from training.data.crops import Crops
from training.data.loader import Example, ShuffledCrops, make_loader
from training.data.segments import Segment
from training.fit.trainer import Trainer
from training.losses.objective import Objective
from training.runs.recipe import Recipe

HOP, SFREQ, WINDOW_S = 8, 128.0, 0.5
NETWORK = {
    "n_channels": 2,
    "sfreq": SFREQ,
    "hop_samples": HOP,
    "embedding_dim": 4,
    "dim": 8,
    "n_layers": 1,
    "n_heads": 2,
}
RECIPE = Recipe(options={}, embedding_dim=4, epochs=4, batch=4, lr=5e-3, lead_s=0.125)


def toy_crops(n_trials: int = 12, spoiled: bool = False) -> Crops:
    """Noise in which trials of label 1 hold a rhythm of 10 Hz; `spoiled` puts a NaN into the last trial."""
    signal = np.random.default_rng(0).standard_normal((2, 100 * (n_trials + 2))).astype(np.float32)
    onsets, labels = 100 * np.arange(1, n_trials + 1), np.arange(n_trials) % 2
    wave = 2 * np.sin(2 * np.pi * 10 * np.arange(64) / SFREQ)
    for onset in onsets[labels == 1]:
        signal[:, onset : onset + 64] += wave
    if spoiled:
        signal[0, onsets[-1] + 32] = np.nan
    segment = Segment(signal, np.arange(signal.shape[1]), onsets, labels, SFREQ)
    where = np.stack([np.zeros(n_trials, int), np.arange(n_trials)], axis=1)
    return Crops((segment,), where, 11, HOP, 2, (0.0, WINDOW_S))


def toy_trainer(recipe: Recipe = RECIPE, spoiled: bool = False) -> tuple[Trainer, DataLoader[Example], ShuffledCrops]:
    """Everything a training run holds, made from the seed as `train` makes it."""
    torch.manual_seed(recipe.seed)
    device = torch.device("cpu")
    batches, sampler = make_loader(toy_crops(spoiled=spoiled), recipe.sampling, device)
    objective = Objective(2, 4, None, recipe)
    return (
        Trainer(build_network("gat_transformer", **NETWORK), objective, recipe, len(sampler), device),
        batches,
        sampler,
    )
