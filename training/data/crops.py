"""Crops: training examples cut from preprocessed segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decoder.windows import cut_window
from realtime.decoding.frontend import Frontend
from training.data.segments import Segment, trial_windows


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
        """Crop `index`, starting `shift` samples late: signal (C, n_hops * hop), onset (n_hops,) in seconds, mask.

        Beyond the segment's ends the signal is zero. `onset` is negative where no trial runs. The mask (n_hops,) is
        true for hops that belong to the trial and its window and hold no padding. A trial that begins inside the window
        is ignored.
        """
        which, trial = self.where[index]
        segment = self.segments[which]
        onset_column = int(np.searchsorted(segment.sample, segment.onsets[trial]))
        first, n_times = onset_column - self.lead_hops * self.hop_samples + shift, self.n_hops * self.hop_samples
        signal, real = cut_window(segment.signal, first, n_times)
        hop_ends = first + np.arange(self.hop_samples - 1, n_times, self.hop_samples)
        unpadded = real.reshape(self.n_hops, self.hop_samples).all(axis=1)
        sample = segment.sample[np.clip(hop_ends, 0, segment.signal.shape[1] - 1)]
        current = np.minimum(np.searchsorted(segment.onsets, sample, side="right") - 1, trial)
        since_s = (sample - segment.onsets[np.maximum(current, 0)]) / segment.sfreq_in
        running = unpadded & (current >= 0) & (since_s <= self.window_s[1])
        mask = running & (current == trial) & (since_s >= self.window_s[0])
        return signal, np.where(running, since_s, -1.0).astype(np.float32), mask


def crops_of(segments: Sequence[Segment], frontend: Frontend, window_s: tuple[float, float], lead_s: float) -> Crops:
    """One crop per trial, from `lead_s` before its onset to the end of the window.

    A trial in a segment too short for one sample at the network's rate gets none.
    """
    lead_hops = round(lead_s / frontend.hop_s)
    n_hops = lead_hops + int(np.ceil(window_s[1] / frontend.hop_s)) + 1
    where = [(i, t) for i, segment in enumerate(segments) if segment.signal.size for t in range(len(segment.onsets))]
    index = np.array(where, np.int64).reshape(-1, 2)
    return Crops(tuple(segments), index, n_hops, frontend.hop_samples, lead_hops, window_s)


@dataclass(frozen=True)
class WindowCrops:
    """Whole windows instead of crops: one decision each, at the end."""

    windows: np.ndarray  # float32 (n_trials, C, n_times)
    labels: np.ndarray  # int64 (n_trials,)
    end_s: float  # of the window, since onset
    hop_samples: int = 1  # nothing falls between hops

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Signal (C, n_times), onset (1,) in seconds and mask (1,); nothing is shifted."""
        return self.windows[index], np.array([self.end_s], np.float32), np.array([True])


def window_crops(segments: Sequence[Segment], sfreq: float, window_s: tuple[float, float]) -> WindowCrops:
    """The window of every trial that has a crop; `sfreq` is the network's rate in Hz."""
    with_signal = [segment for segment in segments if segment.signal.size]
    windows, labels = trial_windows(with_signal, sfreq, window_s)
    return WindowCrops(windows, labels, window_s[1])
