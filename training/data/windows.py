"""Whole windows after onset, for networks and peer models that need a whole trial at once."""

from collections.abc import Sequence

import numpy as np

from decoder.windows import cut_window
from training.data.segments import Segment


def trial_windows(
    segments: Sequence[Segment], sfreq: float, window_s: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Every trial's window at the network's rate `sfreq`, float32 (n_trials, n_channels, n_times), and its label.

    Beyond the segment's ends the signal is zero.
    """
    first, n_times = round(window_s[0] * sfreq), round((window_s[1] - window_s[0]) * sfreq)
    windows, labels = [], []
    for segment in segments:
        columns = np.searchsorted(segment.sample, segment.onsets) + first
        windows += [cut_window(segment.signal, int(column), n_times)[0] for column in columns]
        labels += list(segment.labels)
    n_channels = len(segments[0].signal)
    return np.array(windows, np.float32).reshape(-1, n_channels, n_times), np.array(labels, np.int64)
