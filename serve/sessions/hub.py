"""One session's messages for its clients: their numbers, which are stored, and what a late client gets first."""

import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import numpy as np

from realtime.live.messages import (
    ARRAYS,
    DecisionMessage,
    DroppedMessage,
    EventMessage,
    HelloMessage,
    Message,
    StatusMessage,
    TraceFrame,
    TrialMessage,
    encode,
    status_message,
)
from serve.metrics import Metrics
from serve.protocol.frames import pack_frame
from serve.sessions.message_ring import MessageRing, RingReader
from serve.settings import Settings

log = logging.getLogger("glimpse")
CACHE_SIZE = 64  # texts with arrays that are stored: 20 kB for an embedding of 1024 dimensions
T = TypeVar("T")

# A message as it is stored: its text, and the arrays that are written only for clients that request them. It is a plain
# tuple, which the garbage collector ignores as it holds no containers: 16 sessions store 65,000 of them.
StoredMessage = tuple[str, np.ndarray | None, np.ndarray | None]


def store(message: EventMessage, seq: int) -> StoredMessage:
    """The message as it is stored, with its number."""
    arrays = (message.p, message.embedding) if isinstance(message, DecisionMessage) else (None, None)
    return encode(message, seq), *arrays


def message_text(stored: StoredMessage, requested: tuple[str, ...] = ()) -> str:
    """The JSON text with the `requested` arrays; float32 values have enough digits to be read back unchanged."""
    plain, *stored_arrays = stored
    arrays = {key: x for key, x in zip(ARRAYS, stored_arrays, strict=True) if key in requested and x is not None}
    if not arrays:
        return plain
    values = "".join(
        f',"{key}":{json.dumps(x.tolist(), separators=(",", ":"), allow_nan=False)}' for key, x in arrays.items()
    )
    return f"{plain[:-1]}{values}}}"


class Hub:
    """The messages of one session. Every method runs on the server's event loop."""

    def __init__(self, hello: HelloMessage, settings: Settings, metrics: Metrics) -> None:
        self.session = hello.session
        self.hello = replace(hello, run=uuid.uuid4().hex[:12])
        self.metrics = metrics
        # Looked up once. Otherwise a client that disconnects after the session ended would create its row again.
        self.clients = metrics.clients.labels(self.session)
        self.dropped = metrics.dropped.labels(self.session)
        self.events: MessageRing[StoredMessage] = MessageRing(settings.keep_messages, settings.queue_messages)
        self.text_cache: dict[tuple[int, tuple[str, ...]], str] = {}  # the newest texts with arrays
        self.signal: MessageRing[bytes] = MessageRing(settings.signal_frames, settings.signal_frames)
        self.status = status_message(self.session, "connecting", "Waiting for the first samples.")  # lasting
        self.trial: TrialMessage | None = None
        self.paused: StatusMessage | None = None  # the status message `paused`, while it holds
        self.record_failed: StatusMessage | None = None  # the status message `record_failed`; it stays
        self.last_samples = -float("inf")  # time.monotonic() of the newest decision or trace frame

    def publish(self, message: Message) -> None:
        """Number, store and hand on one message; does nothing once the session has ended."""
        if self.events.ended:
            return
        match message:
            case TraceFrame():
                self.last_samples = time.monotonic()
                if self.signal.readers:
                    self.signal.publish(pack_frame(self.signal.last + 1, message))
                return
            case DecisionMessage():
                self.last_samples = time.monotonic()
            case StatusMessage():
                self._note_status(message)
            case TrialMessage():
                self.trial = message
            case HelloMessage():  # another bundle decodes from here on
                self.hello = message = replace(message, run=self.hello.run)
        self.metrics.observe(message, self.hello.hop_s)
        self.events.publish(store(message, self.events.last + 1))

    def _note_status(self, status: StatusMessage) -> None:
        log.info("%s %s: %s", self.session, status.state, status.detail)
        if status.lasting:
            self.status = status
        elif status.state in ("paused", "resumed"):
            self.paused = status if status.state == "paused" else None
        elif status.state == "record_failed":
            self.record_failed = status

    def opening_messages(self, reader: RingReader[StoredMessage]) -> Iterator[str]:
        """What a client must know before its first message: the session, its present state, the present trial."""
        yield encode(self.hello, reader.seen)
        for status in (self.status, self.paused, self.record_failed):
            if status is not None:
                yield encode(status, reader.seen)
        if self.trial is not None and reader.seen == self.events.last:
            yield encode(self.trial, reader.seen)

    async def texts(self, reader: RingReader[StoredMessage], arrays: tuple[str, ...] = ()) -> AsyncGenerator[str, None]:
        """Everything that one client is sent, in order, decisions with the requested `arrays`."""
        for text in self.opening_messages(reader):
            yield text
        async for lost, seq, stored in reader:
            if lost:
                self.dropped.inc(lost)
                yield encode(DroppedMessage(self.session, lost), seq - 1)
            yield self.text(seq, stored, arrays)

    def text(self, seq: int, stored: StoredMessage, arrays: tuple[str, ...]) -> str:
        """The text of message `seq`, made once for all clients that request the same arrays."""
        if not arrays:
            return stored[0]
        if (seq, arrays) not in self.text_cache:
            self.text_cache[seq, arrays] = message_text(stored, arrays)
            if len(self.text_cache) > CACHE_SIZE:
                del self.text_cache[next(iter(self.text_cache))]
        return self.text_cache[seq, arrays]

    def close(self) -> None:
        """End every client of this session, and remove its metrics."""
        self.events.close()
        self.signal.close()
        self.metrics.remove(self.session)


@contextmanager
def reading(ring: MessageRing[T], after: int | None = None) -> Iterator[RingReader[T]]:
    """A reader for as long as the block runs."""
    reader = ring.join(after)
    try:
        yield reader
    finally:
        reader.close()
