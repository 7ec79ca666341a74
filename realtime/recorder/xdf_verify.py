"""Verifies that an XDF file holds what was written into it: reads it back with pyxdf, chunk by chunk."""

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyxdf

from realtime.recorder.xdf_writer import StreamTotals, encode_samples


class Verification(NamedTuple):
    """Result of reading a file back."""

    complete: bool  # every sample is there, bit for bit
    message: str  # without the file's name


def verify_xdf(path: Path, streams: dict[int, StreamTotals]) -> Verification:
    """Compare a finished file with its writer's totals: samples of each stream, their bits, and whether stamps ascend.

    Needs the memory of one chunk, however long the recording.
    """
    n_read, crcs = dict.fromkeys(streams, 0), dict.fromkeys(streams, 0)
    newest, backward = dict.fromkeys(streams, -np.inf), dict.fromkeys(streams, 0)

    def add_chunk(
        values: np.ndarray | list[list[str]], stamps: np.ndarray, stream: object, number: int
    ) -> tuple[Any, np.ndarray, object]:
        n_read[number] += len(stamps)
        crcs[number] = zlib.crc32(encode_samples(stamps, values, streams[number].channel_format), crcs[number])
        backward[number] += int((np.diff(stamps, prepend=newest[number]) < 0).sum())
        newest[number] = stamps[-1]
        return values[:0].copy(), stamps[:0].copy(), stream

    try:
        with open(path, "rb") as file:  # given a path, pyxdf leaves a broken file open
            pyxdf.load_xdf(file, on_chunk=add_chunk, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    except Exception as error:  # pyxdf passes on its parsers' errors
        return Verification(False, f"pyxdf cannot read it back ({error})")
    if not streams:
        return Verification(False, "nothing was recorded")
    totals = ", ".join(f"{s.count} of {s.name}" for s in streams.values())
    for number, stream in streams.items():
        if n_read[number] != stream.count:
            return Verification(False, f"wrote {stream.count} samples of {stream.name}, read back {n_read[number]}")
        if crcs[number] != stream.crc:
            return Verification(False, f"samples of {stream.name} read back differ from those written")
    # Events may be sent in any order: our own decisions carry the time of their newest sample.
    signals = {number: n for number, n in backward.items() if streams[number].channel_format != "string"}
    late = [f"{n} stamps of {streams[number].name} go back in time" for number, n in signals.items() if n]
    unmeasured = [f"no clock offset of {s.name} could be measured" for s in streams.values() if not s.offsets]
    return Verification(True, "; ".join([f"verified, samples {totals}", *(late or ["stamps ascend"]), *unmeasured]))
