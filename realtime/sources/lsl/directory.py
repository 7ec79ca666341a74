"""What LSL has in sight, known to the whole process: a search is answered at once.

One resolver looks all the time, which shows who comes and goes but asks every 1.75 s only (liblsl's pace; 0.05 % of a
core). Whoever searches makes another one ask right now: the answers of this machine are there after 1 ms, for 1 ms of
CPU (measured, liblsl 1.18).
"""

import threading
from functools import cache
from time import monotonic
from typing import NamedTuple

import pylsl

from realtime.sources.lsl.header import FORMATS

FORGET_S = 4.0  # a stream that stopped answering is in sight this long: two rounds of questions
ASK_S = 0.6  # between two questions of who searches; where multicast does not work one takes half a second
LOOK_S = 0.05  # answers are gathered no more often than this
IDLE_S = 0.5  # while nobody searches: with 32 streams in sight a look costs 2 ms
MARKER_TYPES = ("markers", "annotations")


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

    @property
    def is_marker(self) -> bool:
        """Whether it carries events rather than a signal."""
        return self.type.lower() in MARKER_TYPES


class FoundStream(NamedTuple):
    """One stream in sight and what opens it."""

    uid: str  # another one whenever the sender starts anew
    row: StreamRow
    info: pylsl.StreamInfo


class StreamDirectory:
    """The streams in sight; any thread may look."""

    def __init__(self) -> None:
        self.began = monotonic()
        self._steady = pylsl.ContinuousResolver(forget_after=FORGET_S)
        self._asking: pylsl.ContinuousResolver | None = None
        self._asked = 0.0
        self._answered: dict[str, tuple[float, FoundStream]] = {}  # when it last answered who asked
        self._gone: dict[str, float] = {}
        self._lock = threading.Lock()
        self._seen: tuple[FoundStream, ...] = ()
        self._looked = 0.0

    def ask(self) -> None:
        """Have every stream asked to answer now rather than at the next round."""
        with self._lock:
            if (now := monotonic()) - self._asked > ASK_S:
                self._asking, self._asked = pylsl.ContinuousResolver(), now

    def streams(self) -> tuple[FoundStream, ...]:
        """Every stream that answered within FORGET_S, without those known to be gone."""
        with self._lock:
            if (now := monotonic()) - self._looked > (IDLE_S if self._asking is None else LOOK_S):
                self._gather(now)
            return self._seen

    def _gather(self, now: float) -> None:
        if now - self._asked > 2 * ASK_S:
            self._asking = None
        if self._asking is not None:
            self._answered |= {info.uid(): (now, _found_streams(info)) for info in self._asking.results()}
        self._answered = {uid: it for uid, it in self._answered.items() if now - it[0] < FORGET_S}
        self._gone = {uid: when for uid, when in self._gone.items() if now - when < FORGET_S + 1.0}
        found = {uid: seen for uid, (_, seen) in self._answered.items()}
        found |= {info.uid(): _found_streams(info) for info in self._steady.results()}
        self._seen = tuple(seen for uid, seen in found.items() if uid not in self._gone)
        self._looked = now

    def gone(self, uid: str) -> None:
        """Connection broken: the stream is out of sight until it must have answered anew."""
        with self._lock:
            self._gone[uid] = monotonic()
            self._seen = tuple(seen for seen in self._seen if seen.uid != uid)


@cache
def directory() -> StreamDirectory:
    """The sight of this process, which begins with the first call."""
    return StreamDirectory()


def _found_streams(info: pylsl.StreamInfo) -> FoundStream:
    return FoundStream(info.uid(), row_of(info), info)


def row_of(info: pylsl.StreamInfo) -> StreamRow:
    """What a short header says."""
    return StreamRow(
        info.name(),
        info.type(),
        info.source_id(),
        info.nominal_srate(),
        info.channel_count(),
        FORMATS.get(info.channel_format(), "undefined"),
        info.hostname(),
    )
