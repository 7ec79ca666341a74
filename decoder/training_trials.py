"""Training trials of a network that is fitted by formula.

Shape suffixes: C channels, N trials, W samples of the window, K labels, D numbers of a label's vector.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from decoder.windows import cut_window

MIN_TRIALS = 2  # of each label
BATCH_SIZE = 1000  # windows in memory next to their signal


@dataclass(frozen=True)
class TrainingTrials:
    """Unbroken training signals and the trials in them."""

    signals: Sequence[np.ndarray]  # float32 (C, n_times) each
    onsets: Sequence[np.ndarray]  # int64 per signal: sample at which each trial begins
    labels: Sequence[np.ndarray]  # int64 per signal
    vectors: np.ndarray  # (K, D): the direction of each label in the embedding space
    prototypes: bool  # True: the labels have no given vectors, and `vectors` are axes of their own

    def windows(self, signals: Sequence[np.ndarray], n_times: int) -> tuple[Tensor, Tensor]:
        """Trials whose window lies inside its signal, float64[N, C, W], and their labels; see `windows_in_batches`."""
        batches = list(self.windows_in_batches(signals, n_times))
        return torch.cat([windows for windows, _ in batches]).double(), torch.cat([labels for _, labels in batches])

    def windows_in_batches(self, signals: Iterable[np.ndarray], n_times: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Those windows in batches, float32[n, C, W], and their labels; `signals` are those of the trials or filtered.

        ValueError, at the end, where they are too few.
        """
        n_of_label = np.zeros(len(self.vectors), int)
        for signal, onsets, labels in zip(signals, self.onsets, self.labels, strict=True):
            inside = (onsets >= 0) & (onsets + n_times <= signal.shape[1])
            onsets, labels = onsets[inside], labels[inside]
            n_of_label += np.bincount(labels, minlength=len(n_of_label))
            for first in range(0, len(onsets), BATCH_SIZE):
                batch = slice(first, first + BATCH_SIZE)
                windows = np.stack([cut_window(signal, onset, n_times)[0] for onset in onsets[batch]])
                yield torch.as_tensor(windows), torch.as_tensor(labels[batch])
        shown = n_of_label[n_of_label > 0]
        rarest = int(shown.min()) if len(shown) else 0
        if rarest < MIN_TRIALS or len(shown) < 2:
            raise ValueError(
                f"{n_of_label.sum()} whole windows of {n_times} samples, {rarest} of the rarest of {len(shown)} "
                f"labels, need {MIN_TRIALS} or more of each of two labels; train on more recordings"
            )

    def residual_signals(self, n_times: int) -> list[np.ndarray]:
        """The signals minus the mean evoked activity, which a noise model must not contain."""
        total, n_trials = torch.zeros(()), 0
        for windows_NCW, labels in self.windows_in_batches(self.signals, n_times):
            total, n_trials = total + windows_NCW.double().sum(0), n_trials + len(labels)
        mean_CW, residuals = (total / n_trials).float().numpy(), []
        for signal, onsets in zip(self.signals, self.onsets, strict=True):
            residual = signal.copy()
            for onset in onsets[(onsets >= 0) & (onsets + n_times <= signal.shape[1])]:
                residual[:, onset : onset + n_times] -= mean_CW
            residuals.append(residual)
        return residuals
