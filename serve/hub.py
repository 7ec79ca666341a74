"""One session's messages on their way to its clients: numbered, kept, encoded once; knows no sockets and no engine."""

import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from serve.feed import Feed, Reader
from serve.metrics import Metrics
from serve.protocol import VERSION, pack_frame
from serve.settings import Settings

log = logging.getLogger("glimpse")
WARM = 64  # newest messages that keep their texts with arrays: 20 kB for an embedding of 1024 dimensions
_JSON = json.JSONEncoder(separators=(",", ":"), default=lambda value: value.tolist(), allow_nan=False)
ARRAYS = ("p", "embedding")  # keys of a decision that are written only for those who ask


def encode(message: dict[str, Any]) -> str:
    """Compact JSON; numpy scalars and arrays become numbers and lists, NaN is refused (no browser can read it)."""
    return _JSON.encode(message)


class Event:
    """One numbered message and its texts, with and without arrays, each made once however many clients there are."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.arrays: dict[str, np.ndarray] = {key: message.pop(key) for key in ARRAYS if key in message}
        self.plain = encode(message)
        self.full: dict[tuple[str, ...], str] = {}  # the texts with arrays, by their names

    def text(self, arrays: tuple[str, ...] = ()) -> str:
        """The JSON text with the `arrays` named; float32 values have digits enough to be read back unchanged."""
        wanted = tuple(key for key in arrays if key in self.arrays)
        if not wanted:
            return self.plain
        if wanted not in self.full:
            values = "".join(f',"{key}":{encode(self.arrays[key].tolist())}' for key in wanted)
            self.full[wanted] = f"{self.plain[:-1]}{values}}}"
        return self.full[wanted]


class Hub:
    """The messages of one session. Every method runs on the server's event loop."""

    def __init__(self, session: str, about: dict[str, Any], settings: Settings, metrics: Metrics) -> None:
        self.session = session
        self.about = about  # the hello message without seq
        self.metrics = metrics
        self.events: Feed[Event] = Feed(settings.keep_messages, settings.queue_messages)
        self.signal: Feed[bytes] = Feed(settings.signal_frames, settings.signal_frames)
        self.status: dict[str, Any] = {"state": "connecting", "detail": "Waiting for the first samples."}
        self.trial: dict[str, Any] | None = None
        self.paused: dict[str, Any] | None = None  # the status that said so, while it is
        self.heard = -float("inf")  # time.monotonic() of the newest decision or signal frame
        self.run = uuid.uuid4().hex[:12]

    def publish(self, message: dict[str, Any]) -> None:
        """Take one message of the engine, number it, keep it and wake the clients."""
        kind = message["type"]
        if kind in ("decision", "signal"):
            self.heard = time.monotonic()
        if kind == "signal":
            if self.signal.readers:
                self.signal.publish(pack_frame(self.signal.last + 1, message))
            return
        if kind == "status":
            log.info("%s %s: %s", self.session, message["state"], message["detail"])
        if kind == "status" and message["lasting"]:
            self.status = {"state": message["state"], "detail": message["detail"]}
        if kind == "status" and message["state"] in ("paused", "resumed"):
            self.paused = message if message["state"] == "paused" else None
        if kind == "trial":
            self.trial = message
        if kind == "hello":  # another bundle decides from here on
            self.about = {key: value for key, value in message.items() if key != "type"}
            message = {key: value for key, value in self.hello(0).items() if key != "seq"}
        self.metrics.observe(self.session, message, self.about["hop_s"])
        seq = self.events.last + 1
        self.events.publish(Event({"type": kind, "seq": seq, "session": self.session, **message}))
        if len(self.events.ring) > WARM:
            self.events.ring[-WARM - 1].full.clear()

    def hello(self, seq: int) -> dict[str, Any]:
        """The first message of a connection whose next message will be number `seq` + 1."""
        return {
            "type": "hello",
            "seq": seq,
            "protocol": VERSION,
            "session": self.session,
            "run": self.run,
            **self.about,
        }

    def greeting(self, reader: Reader[Event]) -> Iterator[str]:
        """What a client must know before its first message: who speaks, the present state, the present trial."""
        now = {"seq": reader.seen, "session": self.session}
        yield encode(self.hello(reader.seen))
        yield encode({"type": "status", **now, **self.status, "lasting": True})
        if self.paused is not None:
            yield encode({**self.paused, **now})
        if self.trial is not None and reader.seen == self.events.last:
            yield encode({"type": "trial", **now, **self.trial})

    async def texts(self, reader: Reader[Event], arrays: tuple[str, ...] = ()) -> AsyncIterator[str]:
        """Everything one client is sent, in order, decisions with the `arrays` it asked for."""
        for text in self.greeting(reader):
            yield text
        async for lost, seq, event in reader:
            if lost:
                self.metrics.dropped.labels(self.session).inc(lost)
                yield encode({"type": "dropped", "seq": seq - 1, "session": self.session, "count": lost})
            yield event.text(arrays)

    def close(self) -> None:
        """End every client of this session."""
        self.events.close()
        self.signal.close()


@contextmanager
def reading(feed: Feed[Any], after: int | None = None) -> Iterator[Reader[Any]]:
    """A reader for as long as the block runs."""
    reader = feed.join(after)
    try:
        yield reader
    finally:
        reader.close()
