"""The LSL streams that this process can see: a search is answered at once.

One resolver runs all the time and shows which streams come and go, but sends queries every 1.75 s only (liblsl's pace;
0.05 % of a core). A search starts another one that queries at once: the answers of this machine are there after 1 ms,
for 1 ms of CPU (measured, liblsl 1.18).
"""

import threading
from functools import cache
from time import monotonic
from typing import NamedTuple

import pylsl

from realtime.markers import is_marker_stream
from realtime.sources.lsl.header import FORMATS

FORGET_S = 4.0  # a stream that stopped answering stays listed this long: two rounds of queries
REFRESH_S = 0.6  # between two queries of searches; where multicast does not work a query takes half a second
COLLECT_S = 0.05  # answers are collected no more often than this
IDLE_S = 0.5  # nor more often than this while nobody searches: with 32 streams to list, it costs 2 ms


class StreamRow(NamedTuple):
    """One visible stream, from its short header."""

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

    @property
    def is_marker(self) -> bool:
        """Whether it carries events rather than a signal."""
        return is_marker_stream(self.type, self.channel_format, self.sfreq)


class FoundStream(NamedTuple):
    """One visible stream and the header that opens it."""

    uid: str  # differs whenever the sender starts anew
    row: StreamRow
    info: pylsl.StreamInfo


class StreamDirectory:
    """The visible streams; every method may be called from any thread."""

    def __init__(self) -> None:
        self.started = monotonic()
        self._steady = pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._search: pylsl.ContinuousResolver | None = None
        self._refreshed = 0.0
        self._answers: dict[str, tuple[float, FoundStream]] = {}  # by uid: time of the last answer to a search
        self._gone: dict[str, float] = {}
        self._lock = threading.Lock()
        self._streams: tuple[FoundStream, ...] = ()
        self._collected = 0.0

    def refresh(self) -> None:
        """Query every stream now rather than at the next round."""
        with self._lock:
            if (now := monotonic()) - self._refreshed > REFRESH_S:
                self._search, self._refreshed = pylsl.ContinuousResolver(), now

    def streams(self) -> tuple[FoundStream, ...]:
        """Every stream that answered within `FORGET_S`, without those marked as gone."""
        with self._lock:
            if (now := monotonic()) - self._collected > (IDLE_S if self._search is None else COLLECT_S):
                self._collect(now)
            return self._streams

    def _collect(self, now: float) -> None:
        if now - self._refreshed > 2 * REFRESH_S:
            self._search = None
        if self._search is not None:
            self._answers |= {info.uid(): (now, _found_stream(info)) for info in self._search.results()}
        self._answers = {uid: answer for uid, answer in self._answers.items() if now - answer[0] < FORGET_S}
        self._gone = {uid: since for uid, since in self._gone.items() if now - since < FORGET_S + 1.0}
        streams = {uid: stream for uid, (_, stream) in self._answers.items()}
        streams |= {info.uid(): _found_stream(info) for info in self._steady.results()}
        self._streams = tuple(stream for uid, stream in streams.items() if uid not in self._gone)
        self._collected = now

    def mark_gone(self, uid: str) -> None:
        """Omit a stream whose connection broke, until it must have answered again."""
        with self._lock:
            self._gone[uid] = monotonic()
            self._streams = tuple(stream for stream in self._streams if stream.uid != uid)


@cache
def directory() -> StreamDirectory:
    """The directory of this process, which starts with the first call."""
    return StreamDirectory()


def _found_stream(info: pylsl.StreamInfo) -> FoundStream:
    return FoundStream(info.uid(), row_of(info), info)


def row_of(info: pylsl.StreamInfo) -> StreamRow:
    """The fields of a short header."""
    return StreamRow(
        info.name(),
        info.type(),
        info.source_id(),
        info.nominal_srate(),
        info.channel_count(),
        FORMATS.get(info.channel_format(), "undefined"),
        info.hostname(),
    )
