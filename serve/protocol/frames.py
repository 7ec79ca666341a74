"""Binary frames of the signal WebSocket."""

import struct

import numpy as np

from realtime.live.messages import TraceFrame

FRAME = struct.Struct("<ddIIII")  # t_first, sfreq, seq, n_times, n_channels, 0; then float32 microvolts, time-major


def pack_frame(seq: int, frame: TraceFrame) -> bytes:
    """One binary frame: header `FRAME`, then float32 (n_times, n_channels) in microvolts."""
    samples = np.ascontiguousarray(frame.samples, dtype="<f4")
    n_times, n_channels = samples.shape
    return FRAME.pack(frame.t_first, frame.sfreq, seq, n_times, n_channels, 0) + samples.tobytes()


def unpack_frame(data: bytes) -> tuple[float, float, int, np.ndarray]:
    """The frame's first sample time (LSL s), rate (Hz), number, and samples float32 (n_times, n_channels)."""
    t_first, sfreq, seq, n_times, n_channels, _ = FRAME.unpack_from(data)
    samples = np.frombuffer(data, dtype="<f4", offset=FRAME.size).reshape(n_times, n_channels)
    return t_first, sfreq, seq, samples
