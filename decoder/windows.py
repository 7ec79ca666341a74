"""Windows cut from signals. Shape suffixes: C channels, T samples, W samples of the window."""

import numpy as np


def cut_window(signal_CT: np.ndarray, first: int, n_times: int) -> tuple[np.ndarray, np.ndarray]:
    """The window (C, W) of `n_times` samples from sample `first` on, and which of its columns are real, bool (W,).

    Samples before the signal's begin and after its end are zero. The window is a copy.
    """
    window_CW = np.zeros((len(signal_CT), n_times), signal_CT.dtype)
    real_W = np.zeros(n_times, bool)
    begin, end = max(first, 0), min(first + n_times, signal_CT.shape[1])
    if begin < end:
        window_CW[:, begin - first : end - first] = signal_CT[:, begin:end]
        real_W[begin - first : end - first] = True
    return window_CW, real_W
