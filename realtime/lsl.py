"""Signal and markers from the Lab Streaming Layer, as chunks in microvolts with checked times.

liblsl is asked for clock synchronisation only: its own dejitter and recovery hide lost samples and changed streams.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pylsl
from pylsl.util import LostError

from realtime.clock import ClockState, measured_rate, place
from realtime.errors import BadInput, StreamLost
from realtime.lsl_header import FORMATS, read_header
from realtime.lsl_inlet import SETTLE_S, in_sight, open_inlet
from realtime.lsl_markers import MARKER_PREDICATE, MarkerReader
from realtime.stream import Chunk, Marker, StreamInfo

MARKER_TYPES = ("markers", "annotations")
PULL_SAMPLES = 4096  # most samples taken from liblsl in one call


class StreamRow(NamedTuple):
    """One stream in sight, from its short header."""

    name: str
    type: str
    source_id: str
    sfreq: float  # Hz; 0 for markers
    n_channels: int
    channel_format: str
    hostname: str

    def __str__(self) -> str:
        return (
            f"{self.name!r} (type {self.type}, {self.n_channels} ch, {self.sfreq:g} Hz, source_id {self.source_id!r})"
        )


@dataclass(frozen=True)
class StreamQuery:
    """Which stream to read."""

    name: str  # or its source_id
    markers: str | None = None  # name or source_id of the one marker stream to read; None: every one in sight

    def __str__(self) -> str:
        return f"name {self.name!r}"


def find_streams(wait_s: float = 1.0) -> list[StreamRow]:
    """Every LSL stream that answers within `wait_s` seconds, signals first."""
    rows = [_row(info) for info in in_sight(pylsl.ContinuousResolver(), wait_s, settle_s=wait_s)]
    return sorted(rows, key=lambda row: (_is_marker(row), row.name, row.source_id))


class LslSource:
    """One LSL signal stream with the marker streams beside it; implements `realtime.stream.Source`.

    Times are LSL `local_clock()` seconds of this machine. A silent stream gives no chunks; one whose connection broke
    raises `StreamLost`. `BadInput` if none or several streams match within `wait_s`, or the header cannot be used;
    `StreamLost` if the stream goes away while it is opened.
    """

    def __init__(self, query: StreamQuery, wait_s: float = 5.0, buffer_s: float = 360.0):
        self._markers = MarkerReader(query.markers)
        try:
            found = _resolve(query, wait_s)
            self._markers.open_known()  # before the signal: a player that waits for us starts at its first marker
            self._inlet, header = open_inlet(found, buffer_s)
            self.info: StreamInfo = read_header(header)
        except BaseException:
            self._markers.close()
            raise
        self.clock = ClockState()
        self._factors = np.array(self.info.unit_to_uv)
        self._held = np.empty((0, len(self.info.ch_names)))  # samples whose place is not decided yet

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Names of the marker streams being read now; others may appear later."""
        return self._markers.names

    def pull(self, timeout_s: float) -> tuple[list[Chunk], list[Marker]]:
        """Wait up to `timeout_s` seconds for a sample; everything that has arrived since the last call."""
        blocks: list[np.ndarray] = [self._held]
        stamps: list[np.ndarray] = []
        try:
            while True:
                samples, times = self._inlet.pull_chunk(
                    timeout=0.0 if stamps else timeout_s, max_samples=PULL_SAMPLES, min_samples=1, as_numpy=True
                )
                blocks.append(samples.astype(np.float64) * self._factors)
                stamps.append(times)
                if len(times) < PULL_SAMPLES:
                    break
        except LostError as error:
            if stamps:  # hand out what came before the end; the next call tells
                return self._placed(blocks, stamps), self._markers.pull()
            raise StreamLost(f"stream {self.info.name!r} (source_id {self.info.source_id!r}) was lost") from error
        # Markers after samples: one that was sent before a sample is never behind it.
        return self._placed(blocks, stamps), self._markers.pull()

    def measured_rate(self) -> float | None:
        """Rate in Hz that the stamps show, None until two unbroken seconds have been seen."""
        return measured_rate(self.clock, self.info.sfreq)

    def close(self) -> None:
        """Let go of the signal and marker streams."""
        self._inlet.close_stream()
        self._markers.close()

    def _placed(self, blocks: list[np.ndarray], stamps: list[np.ndarray]) -> list[Chunk]:
        samples = np.concatenate(blocks)
        segments, self.clock = place(np.concatenate(stamps), self.clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = np.split(samples, [len(segment.times)])
            chunks.append(Chunk(rows, segment.index, float(segment.times[0]), self.info.sfreq, segment.lost))
        self._held = samples
        return chunks


def _resolve(query: StreamQuery, wait_s: float) -> pylsl.StreamInfo:
    """Wait for the one signal stream that matches; as soon as it is in sight, look a moment longer for another."""
    name = _quoted(query.name)
    predicate = f"(name={name} or source_id={name}) and not({MARKER_PREDICATE})"
    found = in_sight(pylsl.ContinuousResolver(pred=predicate), wait_s, settle_s=SETTLE_S)
    rows = sorted({(info.uid(), str(_row(info))) for info in found}, key=lambda row: row[1])
    if len(rows) == 1:
        return found[0]
    if rows:
        listing = ", ".join(text for _, text in rows)
        raise BadInput(f"{len(rows)} LSL streams match {query}: {listing}; name one of them by its source_id")
    visible = find_streams(1.0)
    if any(query.name in (row.name, row.source_id) and row.type.lower() not in MARKER_TYPES for row in visible):
        return _resolve(query, wait_s)  # it came up meanwhile
    listing = ", ".join(map(str, visible)) or "none"
    raise BadInput(f"no LSL stream matches {query} after {wait_s:g} s; streams in sight: {listing}")


def _quoted(value: str) -> str:
    """An XPath string; XPath 1.0 has no escape, so a value holding both quotes cannot be asked for."""
    if "'" in value and '"' in value:
        raise BadInput(
            f"stream query: {value!r} holds both kinds of quotes, LSL can ask for one; rename it in the sender"
        )
    return f'"{value}"' if "'" in value else f"'{value}'"


def _row(info: pylsl.StreamInfo) -> StreamRow:
    return StreamRow(
        info.name(),
        info.type(),
        info.source_id(),
        info.nominal_srate(),
        info.channel_count(),
        FORMATS.get(info.channel_format(), "undefined"),
        info.hostname(),
    )


def _is_marker(row: StreamRow) -> bool:
    return row.type.lower() in MARKER_TYPES
