"""A supervisor that reads alone, and a log of what it told and read."""

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
    """A running supervisor and what it told, each with its `time.monotonic()`."""

    def __init__(self, manifest: Manifest, query: StreamQuery, connect=LslSource):
        self.told: list[tuple[float, str, str]] = []
        self._changed = threading.Condition()
        self.read: list[tuple[float, Packet]] = []
        self.reader = StreamReader("test", manifest, query, connect, self._tell, self._take)
        self.reader.thread.start()

    def _tell(self, state: str, detail: str) -> None:
        with self._changed:
            if (state, detail) != (self.told[-1][1:] if self.told else None):
                self.told.append((time.monotonic(), state, detail))
            self._changed.notify_all()

    def _take(self) -> None:
        with self._changed:
            while self.reader.backlog:
                self.read.append((time.monotonic(), self.reader.backlog.popleft()))
            self._changed.notify_all()

    def states(self) -> list[str]:
        return [state for _, state, _ in self.told]

    def wait(self, until, timeout_s=PATIENCE_S) -> float:
        with self._changed:
            assert self._changed.wait_for(until, timeout_s), self.told
        return time.monotonic()

    def wait_told(self, state: str, after: float = 0.0, said: str = "") -> tuple[float, str]:
        """When a state was told after a moment, and its sentence."""

        def found():
            return [(t, detail) for t, told, detail in self.told if told == state and t > after and said in detail]

        self.wait(found)
        return found()[0]

    def wait_samples(self, after: float) -> tuple[float, Packet]:
        """The first piece with samples read after a moment."""

        def found():
            return [(t, piece) for t, piece in self.read if t > after and piece.chunk is not None]

        self.wait(found)
        return found()[0]


@contextmanager
def following(decoder, name, connect=LslSource, **query):
    made = Following(decoder.bundle.manifest, StreamQuery(name, **{"markers": "none"} | query), connect)
    try:
        yield made
    finally:
        made.reader.close()
