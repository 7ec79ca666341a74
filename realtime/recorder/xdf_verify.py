"""Whether an XDF file holds what was written into it, read back with pyxdf chunk by chunk."""

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyxdf

from realtime.recorder.xdf_writer import StreamTotals, encode


class Verification(NamedTuple):
    """What reading a file back has shown."""

    whole: bool  # every sample is there, bit for bit
    sentence: str  # without the file's name


def verify_xdf(path: Path, streams: dict[int, StreamTotals]) -> Verification:
    """Compare a closed file with what its writer knows: samples of each stream, their bits, and whether stamps ascend.

    Needs the memory of one chunk, however long the recording.
    """
    counts, crcs = dict.fromkeys(streams, 0), dict.fromkeys(streams, 0)
    newest, backward = dict.fromkeys(streams, -np.inf), dict.fromkeys(streams, 0)

    def look(values, stamps, stream, number):
        counts[number] += len(stamps)
        crcs[number] = zlib.crc32(encode(stamps, values, streams[number].channel_format), crcs[number])
        backward[number] += int((np.diff(stamps, prepend=newest[number]) < 0).sum())
        newest[number] = stamps[-1]
        return values[:0].copy(), stamps[:0].copy(), stream

    try:
        with open(path, "rb") as file:  # given a name, pyxdf leaves a broken file open
            pyxdf.load_xdf(file, on_chunk=look, synchronize_clocks=False, dejitter_timestamps=False, verbose=False)
    except Exception as error:  # pyxdf lets its parsers' errors through
        return Verification(False, f"pyxdf cannot read it back ({error})")
    if not streams:
        return Verification(False, "nothing was recorded")
    held = ", ".join(f"{s.count} of {s.name}" for s in streams.values())
    for number, stream in streams.items():
        if counts[number] != stream.count:
            return Verification(False, f"wrote {stream.count} samples of {stream.name}, read back {counts[number]}")
        if crcs[number] != stream.crc:
            return Verification(False, f"samples of {stream.name} read back differ from those written")
    # Text is events, which may be told in any order: our own decisions carry the time of their newest sample.
    signals = {number: n for number, n in backward.items() if streams[number].channel_format != "string"}
    late = [f"{n} stamps of {streams[number].name} go back in time" for number, n in signals.items() if n]
    unsure = [f"no clock offset of {s.name} could be measured" for s in streams.values() if not s.offsets]
    return Verification(True, "; ".join([f"verified, samples {held}", *(late or ["stamps ascend"]), *unsure]))
