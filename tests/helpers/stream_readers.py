"""A stream reader without an engine, and a log of its reports and packets."""

import threading
import time
from contextlib import contextmanager

from realtime.bundle.manifest import Manifest
from realtime.live.packet import Packet
from realtime.live.stream_reader import StreamReader
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.waiting import PATIENCE_S


class Following:
    """A running reader, its reports and its packets, each with its `time.monotonic()`."""

    def __init__(self, manifest: Manifest, query: StreamQuery, connect=LslSource):
        self.reports: list[tuple[float, str, str]] = []
        self._changed = threading.Condition()
        self.read: list[tuple[float, Packet]] = []
        self.reader = StreamReader("test", manifest, query, connect, self._report, self._drain)
        self.reader.thread.start()

    def _report(self, state: str, detail: str) -> None:
        with self._changed:
            if (state, detail) != (self.reports[-1][1:] if self.reports else None):
                self.reports.append((time.monotonic(), state, detail))
            self._changed.notify_all()

    def _drain(self) -> None:
        with self._changed:
            while self.reader.backlog:
                self.read.append((time.monotonic(), self.reader.backlog.popleft()))
            self._changed.notify_all()

    def states(self) -> list[str]:
        return [state for _, state, _ in self.reports]

    def wait(self, until, timeout_s=PATIENCE_S) -> float:
        with self._changed:
            assert self._changed.wait_for(until, timeout_s), self.reports
        return time.monotonic()

    def wait_report(self, state: str, after: float = 0.0, words: str = "") -> tuple[float, str]:
        """Time and sentence of the first report of a state after a moment, with some words in it."""

        def matches():
            return [(t, detail) for t, name, detail in self.reports if name == state and t > after and words in detail]

        self.wait(matches)
        return matches()[0]

    def wait_samples(self, after: float) -> tuple[float, Packet]:
        """Time and packet of the first samples read after a moment."""

        def packets():
            return [(t, packet) for t, packet in self.read if t > after and packet.chunk is not None]

        self.wait(packets)
        return packets()[0]


@contextmanager
def following(decoder, name, connect=LslSource, **query):
    made = Following(decoder.bundle.manifest, StreamQuery(name, **{"markers": "none"} | query), connect)
    try:
        yield made
    finally:
        made.reader.close()
