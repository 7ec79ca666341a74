"""Whole windows after onset, for what needs all of one at once: teachers, and the peers Glimpse is measured beside."""

from collections.abc import Sequence

import numpy as np

from training.data.segments import Segment


def trial_windows(
    segments: Sequence[Segment], sfreq: float, window_s: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Every trial's window at the network's rate, float32 (n_trials, n_channels, n_times), and its label.

    Beyond the segment's ends the signal is zero.
    """
    first, n_times = round(window_s[0] * sfreq), round((window_s[1] - window_s[0]) * sfreq)
    windows, labels = [], []
    for segment in segments:
        for onset, label in zip(segment.onsets, segment.labels, strict=True):
            columns = np.searchsorted(segment.sample, onset) + first + np.arange(n_times)
            inside = (columns >= 0) & (columns < segment.signal.shape[1])
            window = np.zeros((len(segment.signal), n_times), np.float32)
            window[:, inside] = segment.signal[:, columns[inside]]
            windows.append(window)
            labels.append(label)
    n_channels = len(segments[0].signal)
    return np.array(windows, np.float32).reshape(-1, n_channels, n_times), np.array(labels, np.int64)
