"""A problem that any encoder learns in a few steps: a rhythm on the first sensor or on the second."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from decoder.layers.encoder import FeatureEncoder


def n_weights(module: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in module.parameters())


def rhythm_trials(n_trials: int, n_channels: int, sfreq: float, n_times: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noise with 10 Hz on sensor 0 or 1, by label: float32[B, C, T] and int64[B]."""
    rng = torch.Generator().manual_seed(seed)
    x, label = torch.randn(n_trials, n_channels, n_times, generator=rng), torch.arange(n_trials) % 2
    phase = 2 * np.pi * torch.rand(n_trials, 1, generator=rng)
    x[torch.arange(n_trials), label] += 3 * torch.sin(2 * np.pi * 10 * torch.arange(n_times) / sfreq + phase)
    return x, label


def takes_steps(network: FeatureEncoder, n_steps: int, lr: float) -> Iterator[float]:
    """The loss of each step of Adam a second after onset; every step has trials never seen before."""
    c = network.config
    n_hops = round(c.sfreq / c.hop_samples)
    onset = (torch.arange(1, n_hops + 1) * c.hop_samples / c.sfreq).expand(32, -1)
    optimiser = torch.optim.Adam(network.parameters(), lr)
    torch.manual_seed(0)
    network.train()
    for step in range(n_steps):
        x, label = rhythm_trials(32, c.n_channels, c.sfreq, n_hops * c.hop_samples, seed=step)
        embedding, _ = network(x, None, onset)
        loss = nn.functional.cross_entropy(embedding[:, -1, :2], label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()
