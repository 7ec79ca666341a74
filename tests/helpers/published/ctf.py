"""Writes CTF recordings: a folder with a header (`.res4`) and samples (`.meg4`), big-endian."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

NAMES_AT = 1844  # byte at which the run description begins
REFERENCE, SENSOR, STIMULUS = 0, 5, 11  # sensor types
TURN = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)  # of the head in the dewar
COIL = struct.Struct(">3d d 3d d h i h d")


def write_ctf(ds: Path, samples: np.ndarray, ch_names: Sequence[str], kinds: Sequence[int], sfreq: float) -> None:
    """Write tesla (n_times, n_channels), of the stimulus channel plain numbers, as one trial."""
    ds.mkdir(parents=True)
    gain = [1e15 if kind != STIMULUS else 1.0 for kind in kinds]
    head = bytearray(NAMES_AT)
    head[:8] = b"MEG41RS\x00"
    text = 8 + 3 * 256 + 2
    head[text : text + 8] = b"12:00:00"
    head[text + 255 : text + 265] = b"01/01/2020"
    at = text + 510
    struct.pack_into(">i h", head, at, len(samples), len(ch_names))
    at = -(-(at + 6) // 8) * 8
    struct.pack_into(">d d h", head, at, sfreq, len(samples) / sfreq, 1)
    with (ds / f"{ds.stem}.res4").open("wb") as file:
        file.write(head)
        file.write(struct.pack(">h", 0))
        for name in ch_names:
            file.write(name.encode().ljust(32, b"\x00"))
        for index, (kind, one) in enumerate(zip(kinds, gain, strict=True)):
            file.write(_channel(index, kind, one))
        file.write(_compensation(ch_names, kinds))
    with (ds / f"{ds.stem}.meg4").open("wb") as file:
        file.write(b"MEG41CP\x00")
        file.write(np.ascontiguousarray(np.rint(samples * gain).T).astype(">i4").tobytes())
    lines = []
    for frame in ("dewar", "head"):
        for name, place in {"nasion": (9.0, 0.0), "left ear": (0.0, 7.0), "right ear": (0.0, -7.0)}.items():
            x, y, z = (*place, 0.0) if frame == "head" else (*(np.array(place) @ TURN), -25.0)
            lines.append(f"measured {name} coil position relative to {frame} (cm):")
            lines += [f"\tx = {x:.4f}", f"\ty = {y:.4f}", f"\tz = {z:.4f}"]
    (ds / f"{ds.stem}.hc").write_text("\n".join(lines) + "\n")


def _channel(index: int, kind: int, gain: float) -> bytes:
    """A channel's record: two coils of a gradiometer at a place on a sphere, none of a stimulus channel."""
    angle, height = index * 2.399963, 1 - (index % 300) / 200
    ring = np.sqrt(max(0.0, 1 - height**2))
    normal = np.array([ring * np.cos(angle), ring * np.sin(angle), height])
    n_coils = {SENSOR: 2, REFERENCE: 1}.get(kind, 0)
    coils = b"".join(
        COIL.pack(*(normal * (11 + 5 * i)), 0, *(normal * (1 - 2 * i)), 0, 2, 0, 0, 2.5)
        if i < n_coils
        else bytes(COIL.size)
        for i in range(8)
    )
    return struct.pack(">h h i d d d d h h i", kind, 1, 0, gain, 1.0, 1.0, 0.0, n_coils, 0, 0) + coils + coils


def _compensation(ch_names: Sequence[str], kinds: Sequence[int]) -> bytes:
    """A table of coefficients, without which MNE reads no CTF file: first order, all zero."""
    names = [
        [name.encode() for name, kind in zip(ch_names, kinds, strict=True) if kind == one]
        for one in (SENSOR, REFERENCE)
    ]
    references = b"".join(name.ljust(31, b"\x00") for name in names[1]).ljust(31 * 50, b"\x00")
    records = [
        name.ljust(32, b"\x00") + b"G1BR" + bytes(4) + struct.pack(">h", len(names[1])) + references + bytes(8 * 50)
        for name in names[0]
    ]
    return struct.pack(">h", len(records)) + b"".join(records)
