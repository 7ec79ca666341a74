"""Traces for people: a chunk thinned to what a screen can show."""

from typing import Any

import numpy as np

from realtime.stream import Chunk

SIGNAL_SFREQ = 128.0  # thinned to about this rate, Hz


def trace_frame(chunk: Chunk, order: np.ndarray) -> dict[str, Any]:
    """A `signal` message: block means of the channels `order` in float32 microvolts, at about SIGNAL_SFREQ."""
    thin = max(1, int(chunk.sfreq / SIGNAL_SFREQ))
    n = len(chunk.samples) // thin
    rows = chunk.samples[: n * thin, order] if n else chunk.samples[-1:, order]
    means = rows.reshape(max(n, 1), -1, len(order)).mean(axis=1)
    return {
        "type": "signal",
        "t_first": chunk.t_first,
        "sfreq": chunk.sfreq / thin,
        "samples": means.astype(np.float32),
    }
