"""Traces for people: the samples of a chunk at a rate that a screen can show."""

import numpy as np

from realtime.live.messages import TraceFrame
from realtime.stream import Chunk

TRACE_SFREQ = 128.0  # Hz, approximately: the stream's rate divided by a whole number


def trace_frame(session: str, chunk: Chunk, order: np.ndarray) -> TraceFrame:
    """Block means of the channels `order`, float32 (n_times, n_channels) in microvolts, at about TRACE_SFREQ."""
    factor = max(1, int(chunk.sfreq / TRACE_SFREQ))
    n = len(chunk.samples) // factor
    rows = chunk.samples[: n * factor, order] if n else chunk.samples[-1:, order]
    means = rows.reshape(max(n, 1), -1, len(order)).mean(axis=1)
    return TraceFrame(session, chunk.t_first, chunk.sfreq / factor, means.astype(np.float32))
