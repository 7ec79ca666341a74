"""Networks that are fitted by formula instead of descent: seconds of work, the same answer every time.

Shape suffixes: B streams, C channels, T samples, H hops, N trials, W samples of the window, K labels, D embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from decoder.encoder import EncoderConfig
from decoder.streaming import Streaming

FEWEST_TRIALS = 2  # of each label


@dataclass(frozen=True, kw_only=True)
class ClosedFormConfig(EncoderConfig):
    """What a fitted network is made from; `dropout` and `onset_features` do nothing here."""

    window_s: float = 1.0  # after onset; what comes later does not count


@dataclass(frozen=True)
class Trials:
    """What is fitted: unbroken training signals and where trials begin in them."""

    signals: Sequence[np.ndarray]  # float32 (C, n_times) each
    onsets: Sequence[np.ndarray]  # int64 per signal: sample at which each trial begins
    labels: Sequence[np.ndarray]  # int64 per signal
    vectors: np.ndarray  # (K, D): the direction in which each label's evidence is given
    prototypes: bool  # the vectors stand for nothing but the labels themselves

    def windows(self, signals: Sequence[np.ndarray], n_times: int) -> tuple[Tensor, Tensor]:
        """The trials whose window lies inside its signal, float64[N, C, W], and their labels."""
        found, label = [], []
        for signal, onsets, labels in zip(signals, self.onsets, self.labels, strict=True):
            for at, which in zip(onsets, labels, strict=True):
                if at >= 0 and at + n_times <= signal.shape[1]:
                    found.append(signal[:, at : at + n_times])
                    label.append(which)
        counts = np.bincount(label, minlength=1) if label else np.zeros(1, int)
        rarest = int(counts[counts > 0].min()) if len(counts[counts > 0]) else 0
        if rarest < FEWEST_TRIALS or (counts > 0).sum() < 2:
            raise ValueError(
                f"{len(found)} whole windows of {n_times} samples, {rarest} of the rarest of {int((counts > 0).sum())} "
                f"labels, need {FEWEST_TRIALS} or more of each of two labels; train on more recordings"
            )
        return torch.as_tensor(np.stack(found), dtype=torch.float64), torch.as_tensor(np.array(label))


class ClosedForm(Streaming):
    """A network that `fit` teaches from trials; before that its embeddings are zero.

    Signal float32[B, C, T] and since-onset float32[B, H] to float32[B, H, D], like every network. It answers cued
    trials only: where no onset is known, or after the window, the embedding stops or is zero.
    """

    config: ClosedFormConfig

    def fit(self, trials: Trials) -> None:
        """Learn everything from training trials; ValueError where they are too few or cannot be told apart."""
        raise NotImplementedError


def sample_of(onset_BH: Tensor, hop: int, sfreq: float, n_times: int) -> Tensor:
    """Samples after onset of each sample of each hop, int64[B, H * hop]; `n_times` outside 0..n_times - 1."""
    back = torch.arange(hop - 1, -1, -1, device=onset_BH.device)
    at = (onset_BH[..., None] * sfreq).round().long() - back
    inside = (onset_BH[..., None] >= 0) & (at >= 0) & (at < n_times)
    return torch.where(inside, at, n_times).flatten(1)
