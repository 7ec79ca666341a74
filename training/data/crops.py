"""Crops: training examples cut from preprocessed segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.decoding.frontend import Frontend
from training.data.segments import Segment
from training.data.windows import trial_windows
from training.runs.description import RunDescription


@dataclass(frozen=True)
class Crops:
    """Where the training crops lie: one per trial."""

    segments: tuple[Segment, ...]
    where: np.ndarray  # int64 (n_crops, 2): segment, trial in it
    n_hops: int  # of each crop
    hop_samples: int
    lead_hops: int  # of them before the onset
    window_s: tuple[float, float]

    @property
    def labels(self) -> np.ndarray:
        """Label index of each crop."""
        return np.array([self.segments[s].labels[t] for s, t in self.where])

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Crop `index`, begun `shift` samples late: signal (C, n_hops * hop), onset (n_hops,) in seconds, counts.

        Beyond the segment's ends the signal is zero. `onset` is negative where no trial runs; `counts` marks the hops
        that belong to the trial and its window and hold no padding. A trial that begins inside the window is ignored.
        """
        which, trial = self.where[index]
        segment = self.segments[which]
        at = np.searchsorted(segment.sample, segment.onsets[trial])
        begin = at - self.lead_hops * self.hop_samples + shift
        columns = begin + np.arange(self.n_hops * self.hop_samples)
        inside = (columns >= 0) & (columns < segment.signal.shape[1])
        signal = np.zeros((len(segment.signal), len(columns)), np.float32)
        signal[:, inside] = segment.signal[:, columns[inside]]
        ends = columns[self.hop_samples - 1 :: self.hop_samples]
        whole = inside.reshape(self.n_hops, self.hop_samples).all(axis=1)  # hops without padding
        sample = segment.sample[np.clip(ends, 0, segment.signal.shape[1] - 1)]
        current = np.minimum(np.searchsorted(segment.onsets, sample, side="right") - 1, trial)
        since = (sample - segment.onsets[np.maximum(current, 0)]) / segment.sfreq_in
        running = whole & (current >= 0) & (since <= self.window_s[1])
        counts = running & (current == trial) & (since >= self.window_s[0])
        return signal, np.where(running, since, -1.0).astype(np.float32), counts


def crops_of(segments: Sequence[Segment], front: Frontend, window_s: tuple[float, float], lead_s: float) -> Crops:
    """One crop per trial, from `lead_s` before its onset to the end of the window.

    A trial in a segment too short for one sample at the network's rate gets none.
    """
    lead_hops = round(lead_s / front.hop_s)
    n_hops = lead_hops + int(np.ceil(window_s[1] / front.hop_s)) + 1
    where = [(i, t) for i, segment in enumerate(segments) if segment.signal.size for t in range(len(segment.onsets))]
    index = np.array(where, np.int64).reshape(-1, 2)
    return Crops(tuple(segments), index, n_hops, front.hop_samples, lead_hops, window_s)


@dataclass(frozen=True)
class WindowCrops:
    """Whole windows in the place of crops: one decision each, at the end."""

    windows: np.ndarray  # float32 (n_trials, C, n_times)
    labels: np.ndarray  # int64 (n_trials,)
    end_s: float  # of the window, since onset
    hop_samples: int = 1  # nothing falls between hops

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal (C, n_times), onset (1,) and counts (1,); there is nothing to shift."""
        return self.windows[index], np.array([self.end_s], np.float32), np.array([True])


def window_crops(segments: Sequence[Segment], description: RunDescription) -> WindowCrops:
    """The window of every trial that has a crop."""
    begin, end = description.window_s
    kept = [segment for segment in segments if segment.signal.size]
    windows, labels = trial_windows(kept, description.preprocess["sfreq"], (begin, end))
    return WindowCrops(windows, labels, end)
