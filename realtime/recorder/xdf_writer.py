"""XDF 1.0 (github.com/sccn/xdf/wiki/Specifications), written so that what is on disk can be read at any moment."""

import os
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import numpy as np

from realtime.errors import BadInput

XDF_DTYPES = {"float32": "<f4", "double64": "<f8", "int8": "<i1", "int16": "<i2", "int32": "<i4", "int64": "<i8"}
FILE_HEADER, STREAM_HEADER, SAMPLES, CLOCK_OFFSET, BOUNDARY, STREAM_FOOTER = range(1, 7)
SCHEMA_VERSION = 1  # of recordings: which streams Glimpse writes, and what their headers and messages hold
BOUNDARY_UUID = UUID("43a546dc-cbf5-410f-b30e-d5467383cbe4").bytes  # of the specification: readers look for it


@dataclass
class StreamTotals:
    """Totals of one stream of a file."""

    name: str
    channel_format: str
    n_channels: int
    count: int = 0  # samples
    crc: int = 0  # CRC-32 of every sample as written, stamps included
    first: float = 0.0  # stamp of the first sample, LSL seconds of the sender's clock
    last: float = 0.0  # of the last
    offsets: list[tuple[float, float]] = field(default_factory=list)  # clock offsets: (sender's clock, offset), s


class XdfWriter:
    """An XDF file that is only ever appended to; threads may share it.

    A chunk has been handed to the system when its call returns: killing the process afterwards loses none of it, and
    `sync` makes it outlast a power cut. FileExistsError where `path` exists. A write that fails (full disk) raises
    OSError and is stored in `failure`; its chunk is cut off again, so that the file loads, and no other is written.
    """

    def __init__(self, path: Path):
        self.path = path
        self.streams: dict[int, StreamTotals] = {}
        self.failure: OSError | None = None
        self._lock = threading.Lock()
        self._file = open(path, "xb", buffering=0)
        self._size, self._finished = 0, False
        created = datetime.now().astimezone().strftime("%Y-%m-%dT%H:%M:%S%z")
        schema = f"<glimpse><schema_version>{SCHEMA_VERSION}</schema_version></glimpse>"
        xml = f'<?xml version="1.0"?><info><version>1.0</version><datetime>{created}</datetime>{schema}</info>'
        with self._lock:
            self._put(b"XDF:" + _chunk(FILE_HEADER, xml.encode()))

    def add_stream(self, header: str) -> int:
        """Add a stream by its full LSL header (XML); returns the number that its chunks carry.

        BadInput for a header that is no XML, or with a format that LSL does not have: no reader would load the file.
        """
        try:
            info = ElementTree.fromstring(header)
        except ElementTree.ParseError as error:
            raise BadInput(
                f"{self.path}: the header of a stream is no XML ({error}); correct it in the sender"
            ) from None
        name, form = info.findtext("name", ""), info.findtext("channel_format", "")
        if form != "string" and form not in XDF_DTYPES:
            raise BadInput(f"{self.path}: stream {name!r} has channel_format {form!r}, one of LSL's is needed")
        with self._lock:
            number = len(self.streams) + 1
            self._put(_chunk(STREAM_HEADER, struct.pack("<I", number) + header.encode()))
            self.streams[number] = StreamTotals(name, form, int(info.findtext("channel_count", "1")))
            return number

    def samples(self, number: int, stamps: np.ndarray, values: np.ndarray | Sequence[Sequence[str]]) -> None:
        """Append samples of stream `number`: stamps (n,) in seconds, values (n, n_channels), text as rows of str."""
        if not len(stamps):
            return
        stream = self.streams[number]
        body = encode_samples(stamps, values, stream.channel_format)
        with self._lock:
            self._put(_chunk(SAMPLES, struct.pack("<IBI", number, 4, len(stamps)) + body))
            stream.first = stream.first if stream.count else float(stamps[0])
            stream.last = float(stamps[-1])
            stream.count += len(stamps)
            stream.crc = zlib.crc32(body, stream.crc)

    def clock_offset(self, number: int, t: float, offset: float) -> None:
        """Append a clock offset: at `t` on the sender's clock, plus `offset` seconds is the clock of this machine."""
        with self._lock:
            self._put(_chunk(CLOCK_OFFSET, struct.pack("<Idd", number, t, offset)))
            self.streams[number].offsets.append((t, offset))

    def boundary(self) -> None:
        """Append a boundary chunk, from which a reader can go on after damage."""
        with self._lock:
            self._put(_chunk(BOUNDARY, BOUNDARY_UUID))

    def sync(self) -> None:
        """Have the system store everything written so far on the disk; other threads go on writing meanwhile."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self.failure = self.failure or error
            raise

    def close(self) -> None:
        """Append the footers, if the disk has room for them, and close the file; harmless when repeated."""
        with self._lock:
            if self._finished:
                return
            failure, self.failure = self.failure, None
            with suppress(OSError):
                for number, stream in self.streams.items():
                    self._put(_chunk(STREAM_FOOTER, struct.pack("<I", number) + _footer(stream).encode()))
                os.fsync(self._file.fileno())
            self.failure = failure or self.failure
            self._file.close()
            self._finished = True

    def _put(self, content: bytes) -> None:
        if self._finished:
            raise OSError(f"{self.path}: no further write is possible, the file was finished")
        if self.failure:
            raise self.failure
        remaining = memoryview(content)
        try:
            while remaining:
                remaining = remaining[self._file.write(remaining) :]
        except OSError as error:
            self.failure = error
            with suppress(OSError):
                self._file.seek(self._size)
                self._file.truncate()
            raise
        self._size += len(content)


def encode_samples(stamps: np.ndarray, values: np.ndarray | Sequence[Sequence[str]], channel_format: str) -> bytes:
    """Samples as a chunk stores them: each with its stamp, float64, then its values, all little endian."""
    if channel_format == "string":
        return b"".join(
            struct.pack("<Bd", 8, t) + b"".join(_text(value) for value in row)
            for t, row in zip(stamps, values, strict=True)
        )
    values = np.asarray(values)
    dtype = [("bytes", "u1"), ("stamp", "<f8"), ("values", XDF_DTYPES[channel_format], values.shape[1:])]
    rows = np.empty(len(stamps), dtype=dtype)
    rows["bytes"], rows["stamp"], rows["values"] = 8, stamps, values
    return rows.tobytes()


def _text(value: str) -> bytes:
    content = value.encode()
    return struct.pack("<BI", 4, len(content)) + content


def _chunk(tag: int, content: bytes) -> bytes:
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def _footer(stream: StreamTotals) -> str:
    offsets = "".join(f"<offset><time>{t!r}</time><value>{x!r}</value></offset>" for t, x in stream.offsets)
    return (
        f'<?xml version="1.0"?><info><first_timestamp>{stream.first!r}</first_timestamp>'
        f"<last_timestamp>{stream.last!r}</last_timestamp><sample_count>{stream.count}</sample_count>"
        f"<clock_offsets>{offsets}</clock_offsets></info>"
    )
