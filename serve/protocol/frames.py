"""Binary frames of the signal WebSocket."""

import struct
from typing import Any

import numpy as np

FRAME = struct.Struct("<ddIIII")  # t_first, sfreq, seq, n_times, n_channels, 0; then float32 microvolts, time-major


def pack_frame(seq: int, message: dict[str, Any]) -> bytes:
    """A `signal` message as one binary frame: header `FRAME`, then float32 (n_times, n_channels) in microvolts."""
    samples = np.ascontiguousarray(message["samples"], dtype="<f4")
    n_times, n_channels = samples.shape
    return FRAME.pack(message["t_first"], message["sfreq"], seq, n_times, n_channels, 0) + samples.tobytes()


def unpack_frame(frame: bytes) -> tuple[float, float, int, np.ndarray]:
    """The frame's first sample time (LSL s), rate (Hz), number, and samples float32 (n_times, n_channels)."""
    t_first, sfreq, seq, n_times, n_channels, _ = FRAME.unpack_from(frame)
    samples = np.frombuffer(frame, dtype="<f4", offset=FRAME.size).reshape(n_times, n_channels)
    return t_first, sfreq, seq, samples
