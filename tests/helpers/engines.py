"""A live engine fed from arrays: a source that plays a script, and a log of what the engine publishes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np

from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.live.engine import Engine
from realtime.live.messages import Message
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker, StreamInfo
from tests.helpers.waiting import PATIENCE_S, until

T0 = 5000.0  # LSL seconds of sample 0
LOOK_S = 0.05  # between two looks at a condition that no message changes


class ArraySource:
    """A source that gives what its script holds, one item a pull, and then falls silent.

    An exception is raised, a number is a silence in seconds, a dict sets attributes.
    """

    def __init__(self, ch_names: Sequence[str], sfreq: float, script: Sequence):
        self.info = StreamInfo("arrays", "EEG", "arrays-1", sfreq, tuple(ch_names), (1.0,) * len(ch_names))
        self._script = iter(script)
        self.closed = False
        self.measured: float | None = sfreq
        self.marker_names: tuple[str, ...] = ()
        self.clock_offset_s: float | None = None
        self.other_matches: dict[str, str] = {}
        self.wanted: list[int] = []  # what each pull was asked for

    def measured_rate(self) -> float | None:
        return self.measured

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        self.wanted.append(min_samples)
        item = next(self._script, None)
        if item is None:
            time.sleep(timeout_s)
            return [], []
        if isinstance(item, Exception):
            raise item
        if isinstance(item, float):
            time.sleep(item)
            return [], []
        if isinstance(item, dict):
            vars(self).update(item)
            return [], []
        return item

    def close(self) -> None:
        self.closed = True


def chunk(samples: np.ndarray, index: int, sfreq: float, gap: int = 0, t0: float = T0) -> Chunk:
    """A chunk on the straight clock that takes sample 0 at `t0`."""
    return Chunk(samples, index, t0 + index / sfreq, sfreq, gap)


def marker(label: str, index: int, sfreq: float) -> Marker:
    """A marker at a sample of that clock."""
    return Marker(label, T0 + index / sfreq)


class Log:
    """Everything an engine published, by session, as the fields of each message."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict]] = []
        self._changed = threading.Condition()

    def publish(self, session: str, message: Message) -> None:
        self.add(session, asdict(message))

    def add(self, session: str, fields: dict) -> None:
        with self._changed:
            self.messages.append((session, fields))
            self._changed.notify_all()

    def of(self, kind: str, session: str = "s1") -> list[dict]:
        return [message for name, message in self.messages if name == session and message["type"] == kind]

    def states(self, session: str = "s1") -> list[str]:
        return [status["state"] for status in self.of("status", session)]

    def detail(self, state: str, session: str = "s1") -> str:
        """The sentence of the latest status of that kind."""
        return next(s["detail"] for s in reversed(self.of("status", session)) if s["state"] == state)

    def wait(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Until a condition holds, on messages or on anything else: it is looked at several times a second."""

        def look() -> bool:
            return self._changed.wait_for(condition, LOOK_S)

        with self._changed:
            assert until(look, timeout_s, 0.0), [(s, m) for s, m in self.messages if m["type"] == "status"]

    def wait_decisions(self, n: int, session: str = "s1", timeout_s: float = PATIENCE_S) -> list[dict]:
        self.wait(lambda: len(self.of("decision", session)) >= n, timeout_s)
        return self.of("decision", session)


@contextmanager
def engine(connect: Callable) -> Iterator[tuple[Engine, Log]]:
    log = Log()
    made = Engine(log.publish, connect)
    try:
        yield made, log
    finally:
        made.stop()


@contextmanager
def decoding(decoder: Decoder, *sources: ArraySource) -> Iterator[Log]:
    """One session that is given the sources one after the other, then none."""
    left = iter(sources)

    def connect(query: StreamQuery) -> ArraySource:
        source = next(left, None)
        if source is None:
            raise BadInput("no stream is there")
        return source

    with engine(connect) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays"))
        yield log
    assert all(source.closed for source in sources)


def same_decisions(got: Sequence[dict], want: Sequence[Decision], atol: float = 0.0) -> None:
    """Messages that say what the decisions of the file say."""
    assert [d["hop"] for d in got] == [d.number for d in want]
    assert [d["sample"] for d in got] == [d.sample for d in want]
    assert [(d["trial"], d["since_onset_s"]) for d in got] == [(d.trial, d.since_onset_s) for d in want]
    assert [d["quality"]["gap"] for d in got] == [d.gap for d in want]
    assert [tuple(d["quality"]["bad_channels"]) for d in got] == [d.bad_channels for d in want]
    np.testing.assert_allclose([d["embedding"] for d in got], [d.embedding for d in want], atol=atol, rtol=0)
