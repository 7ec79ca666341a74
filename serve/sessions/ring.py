"""Numbered messages in a ring, and readers that each keep a place in it; knows no sockets, JSON or sessions.

Everything here runs on one event loop, so nothing is locked. A reader is only a place in the shared ring: a slow one
costs no memory and never slows the writer; what it has not read when its reach ends is lost to it alone, and counted.
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
    """The last `keep` messages, numbered 1, 2, 3 ...; a reader may be `lag` behind before it loses some."""

    def __init__(self, keep: int, lag: int) -> None:
        self.ring: deque[T] = deque(maxlen=keep)
        self.lag = min(lag, keep)
        self.last = 0  # number of the newest message, 0 before the first
        self.readers: set[RingReader[T]] = set()
        self.closed = False

    def publish(self, item: T) -> int:
        """Append `item` and wake every reader; returns its number."""
        self.ring.append(item)
        self.last += 1
        for reader in self.readers:
            reader.wake.set()
        return self.last

    def join(self, after: int | None = None) -> "RingReader[T]":
        """A reader of what follows message `after`, or of what follows now.

        A number this feed has not reached belongs to an earlier life of the session: the reader starts from now.
        """
        # One that resumes may have all the ring holds; once caught up it is like any other.
        keep = self.ring.maxlen or self.lag
        reader = (
            RingReader(self, self.last, self.lag) if after is None else RingReader(self, min(after, self.last), keep)
        )
        self.readers.add(reader)
        return reader

    def close(self) -> None:
        """End every reader once it has read what it still can."""
        self.closed = True
        for reader in self.readers:
            reader.wake.set()


class RingReader(Generic[T]):
    """One place in a feed; iterate with `async for`, leave with `close()`."""

    def __init__(self, feed: MessageRing[T], seen: int, reach: int) -> None:
        self.feed = feed
        self.seen = seen  # number of the last message read, or given up
        self.reach = reach  # how many of the newest messages it may still have
        self.wake = asyncio.Event()

    def take(self) -> NextMessage[T] | None:
        """The next message at once, or None when there is none yet."""
        feed = self.feed
        if self.seen == feed.last:
            self.reach = feed.lag
            return None
        first = max(feed.last - min(self.reach, len(feed.ring)) + 1, self.seen + 1)
        lost, self.seen = first - self.seen - 1, first
        return NextMessage(lost, first, feed.ring[first - feed.last - 1])

    def close(self) -> None:
        """Forget this reader."""
        self.feed.readers.discard(self)

    def __aiter__(self) -> "RingReader[T]":
        return self

    async def __anext__(self) -> NextMessage[T]:
        if self.seen < self.feed.last:
            # A socket that takes everything never suspends its sender: a resuming client would hold the loop.
            await asyncio.sleep(0)
        while (taken := self.take()) is None:
            if self.feed.closed:
                raise StopAsyncIteration
            self.wake.clear()
            await self.wake.wait()
        return taken
