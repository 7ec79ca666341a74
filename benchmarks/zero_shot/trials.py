"""Trials of the zero-shot task, single or averaged, preprocessed for decoders."""

from dataclasses import dataclass

import numpy as np

from benchmarks.zero_shot.simulation import WINDOW_S
from realtime.decoding.frontend import Frontend
from training.data.crops import WindowCrops, crops_of
from training.data.loader import Windows
from training.data.segments import Segment, trial_windows


@dataclass(frozen=True)
class PresentedTrials:
    """Preprocessed trials of some concepts."""

    segments: tuple[Segment, ...]  # their labels are rows of `vectors`
    vectors: np.ndarray  # float32 (n_concepts, D), unit length
    frontend: Frontend

    def windows(self, streaming: bool, lead_s: float) -> Windows:
        """Every trial, in the order of the segments: crops for streaming networks, windows for others."""
        if streaming:
            return crops_of(self.segments, self.frontend, WINDOW_S, lead_s)
        signals, labels = trial_windows(self.segments, self.frontend.preprocess.config.sfreq, WINDOW_S)
        return WindowCrops(signals, labels, WINDOW_S[1])

    @property
    def labels(self) -> np.ndarray:
        """Label of every trial."""
        return np.concatenate([segment.labels for segment in self.segments])

    @property
    def n_repeats(self) -> int:
        """Trials of each concept."""
        return len(self.labels) // len(self.vectors)

    def groups(self, n: int) -> np.ndarray:
        """Groups of `n` trials of one concept in the order shown, int (n_groups, n); no trial is in two groups."""
        by_concept = np.argsort(self.labels, kind="stable").reshape(len(self.vectors), self.n_repeats)
        groups: np.ndarray = by_concept[:, : self.n_repeats // n * n].reshape(-1, n)
        return groups


@dataclass(frozen=True)
class AveragedTrials:
    """Trials averaged before the network; the background keeps its power, as in training with repetitions."""

    windows: Windows
    groups: np.ndarray  # int (n_groups, n): trials of one label each
    hop_samples: int

    @property
    def labels(self) -> np.ndarray:
        """Label of each group."""
        labels: np.ndarray = self.windows.labels[self.groups[:, 0]]
        return labels

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A group as one crop. Its onset is that of the first trial; the onsets differ by less than a hop."""
        crops = [self.windows.cut(int(trial), shift) for trial in self.groups[index]]
        signals, onsets, masks = zip(*crops, strict=True)
        total: np.ndarray = np.sum(signals, axis=0)
        return total / np.float32(np.sqrt(len(signals))), onsets[0], np.all(masks, axis=0)
