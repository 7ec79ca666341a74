"""Signal and markers from the Lab Streaming Layer, as chunks in microvolts with checked times.

liblsl is asked for clock synchronisation only: its own dejitter and recovery hide lost samples and changed streams.
"""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeout

from realtime.clock import ClockState, measured_rate, place
from realtime.errors import BadInput, StreamLost
from realtime.lsl_header import FORMATS, channel_rows, read_header
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
    """Which stream to read; every field given must match exactly."""

    name: str | None = None  # or its source_id
    markers: str | None = None  # name of the one marker stream to read; None: every marker stream in sight
    type: str | None = None
    source_id: str | None = None
    unit: str | None = None  # unit of every channel, for a stream that declares none or a wrong one

    def __str__(self) -> str:
        return " and ".join(f"{key} {value!r}" for key, value in self.wanted().items()) or "any signal"

    def wanted(self) -> dict[str, str]:
        """The fields given that a signal stream must match."""
        given = {"name": self.name, "type": self.type, "source_id": self.source_id}
        return {key: value for key, value in given.items() if value is not None}


def find_streams(wait_s: float = 1.0) -> list[StreamRow]:
    """Every LSL stream that answers within `wait_s` seconds, signals first."""
    rows = [_row(info) for info in _in_sight(pylsl.ContinuousResolver(), wait_s, settle_s=wait_s)]
    return sorted(rows, key=lambda row: (_is_marker(row), row.name, row.source_id))


class LslSource:
    """One LSL signal stream with the marker streams beside it; implements `realtime.stream.Source`.

    Times are LSL `local_clock()` seconds of this machine. A silent stream gives no chunks; one whose connection broke
    raises `StreamLost`. `BadInput` if none or several streams match within `wait_s`, or the header cannot be used.
    """

    def __init__(self, query: StreamQuery, wait_s: float = 5.0, buffer_s: float = 360.0):
        found = _resolve(query, wait_s)
        self._inlet = _open(found, buffer_s)
        try:
            full = self._inlet.info(timeout=5.0)
            self.info: StreamInfo = read_header(full, query.unit)
        except (LostError, LslTimeout) as error:
            raise StreamLost(f"stream {found.name()!r} went away while its header was read") from error
        self.clock = ClockState()
        self._factors = np.array(self.info.unit_to_uv)
        self._held = np.empty((0, len(self.info.ch_names)))  # samples whose place is not decided yet
        self._markers = MarkerReader(query.markers)

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
        """Rate in Hz at which samples arrive, None until two unbroken seconds have been seen."""
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


class _MarkerInlet(NamedTuple):
    inlet: pylsl.StreamInlet
    name: str
    labels: tuple[str, ...]  # of its channels
    one_hot: bool  # whether a value stands for the label of its channel


class MarkerReader:
    """Every marker stream in sight (or the one called `name`), also those that appear later."""

    def __init__(self, name: str | None = None, wait_s: float = 0.5):
        self._name = name
        self._resolver = pylsl.ContinuousResolver(pred=_MARKER_PREDICATE, forget_after=5.0)
        self._inlets: dict[str, _MarkerInlet] = {}  # by uid
        self._lost: set[str] = set()
        for info in _in_sight(self._resolver, wait_s, settle_s=0.0):
            self._add(info)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glimpse-markers", daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the marker streams being read."""
        return tuple(reader.name for reader in list(self._inlets.values()))

    def pull(self) -> list[Marker]:
        """Every marker that has arrived, in order of time."""
        markers: list[Marker] = []
        for uid, (inlet, _, labels, one_hot) in list(self._inlets.items()):
            try:
                values, stamps = inlet.pull_chunk(timeout=0.0, max_samples=PULL_SAMPLES)
            except LostError:
                self._lost.add(uid)
                del self._inlets[uid]  # a marker stream may end before its signal does
                continue
            for value, stamp in zip(values, stamps, strict=True):
                markers += [Marker(label, stamp) for label in marker_labels(value, labels, one_hot)]
        return sorted(markers, key=lambda marker: marker.t_lsl)

    def close(self) -> None:
        """Let go of every marker stream."""
        self._closed.set()
        self._thread.join()
        for inlet, *_ in self._inlets.values():
            inlet.close_stream()
        self._inlets.clear()

    def _watch(self) -> None:
        """Open what appears later; in a thread because connecting takes most of a second, and samples must not wait."""
        while not self._closed.wait(0.5):
            for info in self._resolver.results():
                self._add(info)

    def _add(self, info: pylsl.StreamInfo) -> None:
        if info.uid() in self._inlets or info.uid() in self._lost or self._name not in (None, info.name()):
            return
        with suppress(LostError, LslTimeout, StreamLost):  # gone again before it could be opened
            inlet = _open(info, buffer_s=600.0)
            labels = tuple(row["label"] for row in channel_rows(inlet.info(timeout=5.0)))
            numbers = info.channel_format() != pylsl.cf_string
            one_hot = numbers and (len(labels) > 1 or info.type().lower() == "annotations")
            self._inlets[info.uid()] = _MarkerInlet(inlet, info.name(), labels, one_hot)


def marker_labels(value: list, ch_names: tuple[str, ...], one_hot: bool) -> list[str]:
    """Labels in one sample of a marker stream: text and numbers as they are, one-hot channels by their label."""
    if one_hot:
        return [label for label, x in zip(ch_names, value, strict=True) if x]
    texts = [f"{x:g}" if isinstance(x, float) else str(x).strip() for x in value]
    return [text for text in texts if text]


_MARKER_PREDICATE = "type='Markers' or type='markers' or type='annotations' or type='Annotations'"


def _resolve(query: StreamQuery, wait_s: float) -> pylsl.StreamInfo:
    """Wait for the one signal stream that matches; as soon as it is in sight, look a moment longer for another."""
    clauses = [f"{key}={_quoted(value)}" for key, value in query.wanted().items()]
    if query.name is not None:
        clauses[0] = f"({clauses[0]} or source_id={_quoted(query.name)})"
    predicate = " and ".join([*clauses, f"not({_MARKER_PREDICATE})"])
    found = _in_sight(pylsl.ContinuousResolver(pred=predicate), wait_s, settle_s=0.3)
    rows = sorted({(info.uid(), str(_row(info))) for info in found}, key=lambda row: row[1])
    if len(rows) == 1:
        return found[0]
    if rows:
        listing = ", ".join(text for _, text in rows)
        raise BadInput(f"{len(rows)} LSL streams match {query}: {listing}; name one of them by its source_id")
    in_sight = ", ".join(str(row) for row in find_streams(0.5)) or "none"
    raise BadInput(f"no LSL stream matches {query} after {wait_s:g} s; streams in sight: {in_sight}")


def _in_sight(resolver: pylsl.ContinuousResolver, wait_s: float, settle_s: float) -> list[pylsl.StreamInfo]:
    """What a resolver has found `settle_s` after its first answer, at the latest after `wait_s`.

    pylsl.resolve_bypred would do, but with no match it takes 5 s too long every other time (measured, liblsl 1.18).
    """
    until = pylsl.local_clock() + wait_s
    while not resolver.results() and pylsl.local_clock() < until:
        time.sleep(0.01)
    time.sleep(max(0.0, min(settle_s, until - pylsl.local_clock())))
    return resolver.results()


def _open(info: pylsl.StreamInfo, buffer_s: float) -> pylsl.StreamInlet:
    """Connect, and measure the clock offset now rather than during the first pull."""
    seconds = round(buffer_s)  # liblsl counts hundreds of samples instead where there is no rate
    inlet = pylsl.StreamInlet(info, max_buflen=seconds, recover=False, processing_flags=pylsl.proc_clocksync)
    try:
        inlet.time_correction(timeout=5.0)
        inlet.open_stream(timeout=5.0)
    except (LostError, LslTimeout) as error:
        raise StreamLost(f"stream {info.name()!r} does not answer") from error
    return inlet


def _quoted(value: str) -> str:
    """An XPath string; XPath 1.0 has no escape, so a value holding both quotes cannot be asked for."""
    if "'" in value and '"' in value:
        raise BadInput(f"stream query: {value!r} holds both kinds of quotes, LSL can ask for one; use another field")
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
