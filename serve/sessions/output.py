"""Outputs of a session besides its web clients, each in a thread of its own: which messages a slow one loses."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from realtime.live.messages import EventMessage

log = logging.getLogger("glimpse")

QUEUE_SIZE = 1024  # messages an output may be behind before it loses its oldest: 40 s of 25 decisions a second
CLOSE_TIMEOUT_S = 2.0  # for an output to send what waits when its session ends


class OutputSink(Protocol):
    """Sends the messages of one session somewhere; used by one thread at a time."""

    def send(self, message: EventMessage) -> None:
        """Send one message, or leave out what does not belong there."""

    def close(self) -> None:
        """Release everything; called once, after the last message."""


class Output:
    """A sink behind a bounded queue: one that is slow or stuck loses its own oldest messages and slows nobody.

    `lost(count)` is called for the messages that the sink did not send, from the thread that noticed.
    """

    def __init__(self, name: str, sink: OutputSink, lost: Callable[[int], None]) -> None:
        self.name, self.sink, self.lost = name, sink, lost
        self.waiting: deque[EventMessage] = deque(maxlen=QUEUE_SIZE)
        self.changed = threading.Condition()
        self.ending = False
        self.failing = False
        self.thread = threading.Thread(target=self._run, name=f"glimpse-{name}", daemon=True)
        self.thread.start()

    def put(self, message: EventMessage) -> None:
        """Queue a message, from any thread; never waits for the sink, and does nothing once the output ends."""
        with self.changed:
            if self.ending:
                return
            full = len(self.waiting) == QUEUE_SIZE
            self.waiting.append(message)
            self.changed.notify()
        if full:
            self.lost(1)

    def end(self) -> None:
        """Accept no further message."""
        with self.changed:
            self.ending = True
            self.changed.notify()

    def close(self) -> None:
        """End, and wait CLOSE_TIMEOUT_S for the sink to send what waits; the remainder is lost."""
        self.end()
        self.thread.join(CLOSE_TIMEOUT_S)
        with self.changed:
            unsent = len(self.waiting)
            self.waiting.clear()
        if unsent:
            self.lost(unsent)

    def _run(self) -> None:
        while (message := self._next()) is not None:
            try:
                self.sink.send(message)
                self.failing = False
            except Exception as error:  # a network that is down must end neither the output nor the session
                self.lost(1)
                if not self.failing:
                    log.warning("%s failed: %r; trying on with what follows", self.name, error)
                self.failing = True
        self.sink.close()

    def _next(self) -> EventMessage | None:
        """The oldest message, as soon as there is one; None once no message follows."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.ending)
            return self.waiting.popleft() if self.waiting else None
