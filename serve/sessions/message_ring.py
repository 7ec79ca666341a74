"""Numbered messages in a ring: a client that reads too slowly misses the oldest and learns how many.

Everything here runs on one event loop, so nothing is locked. A reader is only a place in the shared ring: a slow one
costs no memory and never slows the writer. The messages that it loses reach every other reader.
"""

import asyncio
from collections import deque
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class NextMessage(NamedTuple, Generic[T]):
    """The next message of a reader."""

    lost: int  # messages between the previous one and this that the reader was too late for
    seq: int
    item: T


class MessageRing(Generic[T]):
    """The last `size` messages, numbered 1, 2, 3 ...; a reader may be `allowed_lag` behind before it loses some."""

    def __init__(self, size: int, allowed_lag: int) -> None:
        self.items: deque[T] = deque(maxlen=size)
        self.size, self.allowed_lag = size, min(allowed_lag, size)
        self.last = 0  # number of the newest message, 0 before the first
        self.readers: set[RingReader[T]] = set()
        self.ended = False

    def publish(self, item: T) -> int:
        """Append `item` and wake every reader; returns its number."""
        self.items.append(item)
        self.last += 1
        for reader in self.readers:
            reader.wake.set()
        return self.last

    def join(self, after: int | None = None) -> "RingReader[T]":
        """A reader of the messages after number `after`, or of those that follow now.

        A number that the ring has not reached belongs to an earlier run of the session: the reader starts from now.
        """
        # A reader that resumes may read all that the ring holds; once it has caught up it is like any other.
        reader = (
            RingReader(self, self.last, self.allowed_lag)
            if after is None
            else RingReader(self, min(after, self.last), self.size)
        )
        self.readers.add(reader)
        return reader

    def close(self) -> None:
        """End every reader once it has read what it still can."""
        self.ended = True
        for reader in self.readers:
            reader.wake.set()


class RingReader(Generic[T]):
    """One place in a ring; iterate with `async for`, leave with `close()`."""

    def __init__(self, ring: MessageRing[T], seen: int, max_behind: int) -> None:
        self.ring = ring
        self.seen = seen  # number of the last message read, or lost
        self.max_behind = max_behind  # how many of the newest messages it may still read
        self.wake = asyncio.Event()

    def next_now(self) -> NextMessage[T] | None:
        """The next message at once, or None when there is none yet."""
        ring = self.ring
        if self.seen == ring.last:
            self.max_behind = ring.allowed_lag
            return None
        first = max(ring.last - min(self.max_behind, len(ring.items)) + 1, self.seen + 1)
        lost, self.seen = first - self.seen - 1, first
        return NextMessage(lost, first, ring.items[first - ring.last - 1])

    def close(self) -> None:
        """Leave the ring."""
        self.ring.readers.discard(self)

    def __aiter__(self) -> "RingReader[T]":
        return self

    async def __anext__(self) -> NextMessage[T]:
        if self.seen < self.ring.last:
            # A socket that accepts everything never suspends its sender: a resuming client would block the loop.
            await asyncio.sleep(0)
        while (message := self.next_now()) is None:
            if self.ring.ended:
                raise StopAsyncIteration
            self.wake.clear()
            await self.wake.wait()
        return message
