"""Trials as the decoders of the zero-shot task get them, alone or averaged."""

from dataclasses import dataclass

import numpy as np

from benchmarks.zero_shot.simulation import WINDOW_S
from realtime.decoding.frontend import Frontend
from training.data.crops import WindowCrops, crops_of
from training.data.loader import Windows
from training.data.segments import Segment
from training.data.windows import trial_windows


@dataclass(frozen=True)
class PresentedTrials:
    """Trials of some concepts as decoders get them."""

    segments: tuple[Segment, ...]  # their labels are rows of `vectors`
    vectors: np.ndarray  # float32 (n_concepts, D), unit length
    front: Frontend

    def cuts(self, streaming: bool, lead_s: float) -> Windows:
        """Every trial, in the order of the segments: crops for streaming networks, windows for others."""
        if streaming:
            return crops_of(self.segments, self.front, WINDOW_S, lead_s)
        windows, labels = trial_windows(self.segments, self.front.preprocess.config.sfreq, WINDOW_S)
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
class AveragedTrials:
    """Trials averaged before a network sees them; the background keeps its power, as in training with repetitions."""

    cuts: Windows
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
