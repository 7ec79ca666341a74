"""Writes EDF files, with annotations (EDF+) or without."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_edf(
    path: Path,
    samples: np.ndarray,
    ch_names: Sequence[str],
    sfreq: int,
    annotations: Sequence[tuple[float, str]] = (),
) -> None:
    """Write microvolts (n_times, n_channels) in records of one second; a last record that is not full is dropped."""
    n_records = len(samples) // sfreq
    limit = float(np.abs(samples).max()) + 1
    digital = np.rint(samples[: n_records * sfreq] / limit * 32767).astype("<i2").reshape(n_records, sfreq, -1)
    notes = [b"".join(_note(onset, text) for onset, text in annotations if int(onset) == i) for i in range(n_records)]
    width = 2 * (max([len(note) for note in notes] + [0]) // 2 + 20) if annotations else 0
    names = [*ch_names, *(["EDF Annotations"] if annotations else [])]
    lengths = [sfreq] * len(ch_names) + ([width // 2] if annotations else [])
    n = len(names)

    def field(values: Sequence[object], size: int) -> bytes:
        return b"".join(str(value).encode("latin1").ljust(size)[:size] for value in values)

    head = field(["0"], 8) + field(["X X X X", "Startdate 25-JAN-2025 X X X"], 80) + field(["25.01.25", "15.40.05"], 8)
    head += field([256 * (n + 1)], 8) + field(["EDF+C" if annotations else ""], 44)
    head += field([n_records, 1], 8) + field([n], 4)
    bounds = [(f"{-limit:.3f}"[:8], f"{limit:.3f}"[:8], -32767, 32767)] * len(ch_names)
    bounds += [("-1", "1", -32768, 32767)] if annotations else []
    head += field(names, 16) + field([""] * n, 80) + field(["uV"] * len(ch_names) + [""] * (n - len(ch_names)), 8)
    for column in zip(*bounds, strict=True):
        head += field(column, 8)
    head += field([""] * n, 80) + field(lengths, 8) + field([""] * n, 32)
    with path.open("wb") as file:
        file.write(head)
        for i in range(n_records):
            file.write(np.ascontiguousarray(digital[i].T).tobytes())
            if annotations:
                file.write((f"+{i}\x14\x14\x00".encode() + notes[i]).ljust(width, b"\x00"))


def _note(onset: float, text: str) -> bytes:
    return f"+{onset:.6f}\x14{text}\x14\x00".encode()
