"""One session's messages on their way to its clients: numbered, kept, encoded once; knows no sockets and no engine."""

import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from serve.metrics import Metrics
from serve.protocol.frames import pack_frame
from serve.protocol.messages import VERSION
from serve.sessions.ring import MessageRing, RingReader
from serve.settings import Settings

log = logging.getLogger("glimpse")
CACHE_SIZE = 64  # texts with arrays that are kept: 20 kB for an embedding of 1024 dimensions
_JSON = json.JSONEncoder(separators=(",", ":"), default=lambda value: value.tolist(), allow_nan=False)
ARRAYS = ("p", "embedding")  # keys of a decision that are written only for those who ask


def encode(message: dict[str, Any]) -> str:
    """Compact JSON; numpy scalars and arrays become numbers and lists, NaN is refused (no browser can read it)."""
    return _JSON.encode(message)


# What is kept of a message: its text, and the arrays that are written only for those who ask. A plain tuple, since the
# garbage collector leaves alone what holds no containers: of 16 sessions 65,000 are kept, and it would walk them all.
StoredMessage = tuple[str, np.ndarray | None, np.ndarray | None]


def store(message: dict[str, Any]) -> StoredMessage:
    """What is kept of a message."""
    p, embedding = message.pop("p", None), message.pop("embedding", None)
    return encode(message), p, embedding


def message_text(kept: StoredMessage, wanted: tuple[str, ...] = ()) -> str:
    """The JSON text with the `wanted` arrays; float32 values have digits enough to be read back unchanged."""
    plain, *held = kept
    arrays = [(key, array) for key, array in zip(ARRAYS, held, strict=True) if key in wanted and array is not None]
    if not arrays:
        return plain
    values = "".join(f',"{key}":{encode(array.tolist())}' for key, array in arrays)
    return f"{plain[:-1]}{values}}}"


class Hub:
    """The messages of one session. Every method runs on the server's event loop."""

    def __init__(self, session: str, about: dict[str, Any], settings: Settings, metrics: Metrics) -> None:
        self.session = session
        self.about = about  # the hello message without seq
        self.metrics = metrics
        # Looked up once: a client that leaves after the end of the session must not bring its row back.
        self.clients, self.dropped = metrics.clients.labels(session), metrics.dropped.labels(session)
        self.events: MessageRing[StoredMessage] = MessageRing(settings.keep_messages, settings.queue_messages)
        self.warm: dict[tuple[int, tuple[str, ...]], str] = {}  # the newest texts with arrays
        self.signal: MessageRing[bytes] = MessageRing(settings.signal_frames, settings.signal_frames)
        self.status: dict[str, Any] = {"state": "connecting", "detail": "Waiting for the first samples."}
        self.trial: dict[str, Any] | None = None
        self.paused: dict[str, Any] | None = None  # the status that said so, while it is
        self.record_failed: dict[str, Any] | None = None  # the status that said so, for good
        self.heard = -float("inf")  # time.monotonic() of the newest decision or signal frame
        self.run = uuid.uuid4().hex[:12]

    def publish(self, message: dict[str, Any]) -> None:
        """Take one message of the engine, number it, keep it and wake the clients; nothing once it is closed."""
        if self.events.closed:
            return
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
        if kind == "status" and message["state"] == "record_failed":
            self.record_failed = message
        if kind == "trial":
            self.trial = message
        if kind == "hello":  # another bundle decides from here on
            self.about = {key: value for key, value in message.items() if key != "type"}
            message = {key: value for key, value in self.hello(0).items() if key != "seq"}
        self.metrics.observe(self.session, message, self.about["hop_s"])
        seq = self.events.last + 1
        self.events.publish(store({"type": kind, "seq": seq, "session": self.session, **message}))

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

    def greeting(self, reader: RingReader[StoredMessage]) -> Iterator[str]:
        """What a client must know before its first message: who speaks, the present state, the present trial."""
        now = {"seq": reader.seen, "session": self.session}
        yield encode(self.hello(reader.seen))
        yield encode({"type": "status", **now, **self.status, "lasting": True})
        for said in (self.paused, self.record_failed):
            if said is not None:
                yield encode({**said, **now})
        if self.trial is not None and reader.seen == self.events.last:
            yield encode({"type": "trial", **now, **self.trial})

    async def texts(self, reader: RingReader[StoredMessage], arrays: tuple[str, ...] = ()) -> AsyncIterator[str]:
        """Everything one client is sent, in order, decisions with the `arrays` it asked for."""
        for text in self.greeting(reader):
            yield text
        async for lost, seq, kept in reader:
            if lost:
                self.dropped.inc(lost)
                yield encode({"type": "dropped", "seq": seq - 1, "session": self.session, "count": lost})
            yield self.text(seq, kept, arrays)

    def text(self, seq: int, kept: StoredMessage, arrays: tuple[str, ...]) -> str:
        """The text of message `seq`, made once for all clients that want the same arrays."""
        if not arrays:
            return kept[0]
        if (seq, arrays) not in self.warm:
            self.warm[seq, arrays] = message_text(kept, arrays)
            if len(self.warm) > CACHE_SIZE:
                del self.warm[next(iter(self.warm))]
        return self.warm[seq, arrays]

    def close(self) -> None:
        """End every client of this session, and forget what was counted."""
        self.events.close()
        self.signal.close()
        self.metrics.forget(self.session)


@contextmanager
def reading(feed: MessageRing[Any], after: int | None = None) -> Iterator[RingReader[Any]]:
    """A reader for as long as the block runs."""
    reader = feed.join(after)
    try:
        yield reader
    finally:
        reader.close()
