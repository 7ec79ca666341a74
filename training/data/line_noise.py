"""The choice of a notch filter, made once from training data."""

from collections.abc import Sequence

import numpy as np
from scipy import signal

from realtime.recordings.recording import Recording

LINE_HZ = (50.0, 60.0)
# A line with this many times the power of its neighbourhood gets a notch.
PROMINENCE = 3.0


def choose_notch(recordings: Sequence[Recording], lowpass_hz: float | None) -> float | None:
    """The line frequency to remove in Hz, or None: no line stands out, or the low-pass lies well below it."""
    best: tuple[float, float | None] = (PROMINENCE, None)
    for line_hz in LINE_HZ:
        if lowpass_hz is not None and lowpass_hz <= 0.9 * line_hz:
            continue
        ratios = [_prominence(recording, line_hz) for recording in recordings if recording.sfreq > 2 * (line_hz + 6)]
        if ratios and np.median(ratios) > best[0]:
            best = (float(np.median(ratios)), line_hz)
    return best[1]


def _prominence(recording: Recording, line_hz: float) -> float:
    """Power within 1 Hz of the line over the power 2 to 6 Hz from it, median over channels."""
    n_window = min(round(2 * recording.sfreq), len(recording.samples))
    hz, power = signal.welch(recording.samples, recording.sfreq, nperseg=n_window, axis=0)
    distance = np.abs(hz - line_hz)
    line, neighbours = power[distance <= 1].mean(axis=0), power[(distance >= 2) & (distance <= 6)].mean(axis=0)
    return float(np.median(line / np.maximum(neighbours, 1e-12)))
