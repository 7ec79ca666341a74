"""Networks that are fitted by formula instead of descent: seconds of work, the same answer every time.

Shape suffixes: B streams, C channels, T samples, H hops, N trials, W samples of the window, K labels, D embedding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from decoder.layers.encoder import EncoderConfig, StreamingNetwork

MIN_TRIALS = 2  # of each label
BATCH_SIZE = 1000  # windows held beside their signal


@dataclass(frozen=True, kw_only=True)
class ClosedFormConfig(EncoderConfig):
    """What a fitted network is made from; `dropout` and `onset_features` do nothing here."""

    window_s: float = 1.0  # after onset; what comes later does not count


@dataclass(frozen=True)
class TrainingTrials:
    """What is fitted: unbroken training signals and where trials begin in them."""

    signals: Sequence[np.ndarray]  # float32 (C, n_times) each
    onsets: Sequence[np.ndarray]  # int64 per signal: sample at which each trial begins
    labels: Sequence[np.ndarray]  # int64 per signal
    vectors: np.ndarray  # (K, D): the direction in which each label's evidence is given
    prototypes: bool  # the vectors stand for nothing but the labels themselves

    def windows(self, signals: Sequence[np.ndarray], n_times: int) -> tuple[Tensor, Tensor]:
        """The trials whose window lies inside its signal, float64[N, C, W], and their labels; see `parts`."""
        found = list(self.parts(signals, n_times))
        return torch.cat([windows for windows, _ in found]).double(), torch.cat([labels for _, labels in found])

    def parts(self, signals: Iterable[np.ndarray], n_times: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Those windows some at a time, float32[n, C, W], and their labels; `signals` as in the trials or filtered.

        ValueError, at the end, where they are too few.
        """
        counts = np.zeros(len(self.vectors), int)
        for signal, onsets, labels in zip(signals, self.onsets, self.labels, strict=True):
            inside = (onsets >= 0) & (onsets + n_times <= signal.shape[1])
            onsets, labels = onsets[inside], labels[inside]
            counts += np.bincount(labels, minlength=len(counts))
            for first in range(0, len(onsets), BATCH_SIZE):
                at, which = onsets[first : first + BATCH_SIZE], labels[first : first + BATCH_SIZE]
                yield torch.as_tensor(np.stack([signal[:, i : i + n_times] for i in at])), torch.as_tensor(which)
        shown = counts[counts > 0]
        rarest = int(shown.min()) if len(shown) else 0
        if rarest < MIN_TRIALS or len(shown) < 2:
            raise ValueError(
                f"{counts.sum()} whole windows of {n_times} samples, {rarest} of the rarest of {len(shown)} labels, "
                f"need {MIN_TRIALS} or more of each of two labels; train on more recordings"
            )

    def background(self, n_times: int) -> list[np.ndarray]:
        """The signals less the mean response, which no model of noise should have to explain."""
        total, n_trials = torch.zeros(()), 0
        for windows_NCW, labels in self.parts(self.signals, n_times):
            total, n_trials = total + windows_NCW.double().sum(0), n_trials + len(labels)
        mean, found = (total / n_trials).float().numpy(), []
        for signal, onsets in zip(self.signals, self.onsets, strict=True):
            rest = signal.copy()
            for at in onsets[(onsets >= 0) & (onsets + n_times <= signal.shape[1])]:
                rest[:, at : at + n_times] -= mean
            found.append(rest)
        return found


class ClosedForm(StreamingNetwork):
    """A network that `fit` teaches from trials; before that its embeddings are zero.

    See StreamingNetwork for what goes in and out. It answers cued trials only: where no onset is known, or after the
    window, the embedding stops or is zero.
    """

    config: ClosedFormConfig

    @classmethod
    def trainable_member(cls) -> bool:
        """False: only `fit` sets its weights."""
        return False

    @classmethod
    def width(cls, n_labels: int, dim: int | None) -> int:
        """`embedding_dim` for labels with given vectors of `dim` numbers, or for labels that stand for themselves."""
        return n_labels if dim is None else dim

    def rows(self, vectors: Tensor) -> Tensor:
        """Rows [K, embedding_dim] of a bank in which embeddings look for given vectors [K, D], trained on or not."""
        return vectors

    def fit(self, trials: TrainingTrials) -> None:
        """Learn everything from training trials; ValueError where they are too few or cannot be told apart."""
        raise NotImplementedError


def sample_of(onset_BH: Tensor, hop: int, sfreq: float, n_times: int) -> Tensor:
    """Samples after onset of each sample of each hop, int64[B, H * hop]; `n_times` outside 0..n_times - 1."""
    back = torch.arange(hop - 1, -1, -1, device=onset_BH.device)
    at = (onset_BH[..., None] * sfreq).round().long() - back
    inside = (onset_BH[..., None] >= 0) & (at >= 0) & (at < n_times)
    return torch.where(inside, at, n_times).flatten(1)
