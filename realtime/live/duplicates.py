"""Streams that match a query beside the one that is read: its successor, or somebody else's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DUPLICATE_AFTER_S = 5.0  # more than an ended stream stays in sight for, and than a sender takes to hand over to another


@dataclass
class DuplicateStreams:
    """What is known, through loss and return, of streams that match as well.

    One that comes up for a silent stream takes its place. One that was there while samples arrived is another rig's,
    and never read for this one: one person's brain would be decoded as another's. Times are `time.monotonic()`.
    """

    strangers: set[str] = field(default_factory=set)  # uids of other rigs' streams
    _left: dict[str, float] = field(default_factory=dict)  # uid of a silent stream that was left, and when
    _since: dict[str, float] = field(default_factory=dict)  # uid, and since when it is in sight
    _told: frozenset[str] = frozenset()

    def not_meant(self, now: float) -> frozenset[str]:
        """Uids of streams that must not be opened although they match."""
        return frozenset(self.strangers | {uid for uid, left in self._left.items() if now - left < DUPLICATE_AFTER_S})

    def begin(self) -> None:
        """Another stream is read from now on."""
        self._since, self._told = {}, frozenset()

    def sentence(self, read: str, rivals: Mapping[str, str], now: float) -> str | None:
        """To be called while samples arrive: what has changed, if anything has."""
        self._since = {uid: self._since.get(uid, now) for uid in rivals}
        there = frozenset(uid for uid, since in self._since.items() if now - since > DUPLICATE_AFTER_S)
        if there == self._told:
            return None
        self._told = there
        self.strangers |= there
        if not there:
            return f"No other stream than {read!r} matches any more."
        listing = ", ".join(sorted(rivals[uid] for uid in there))
        return f"Beside {read!r}, which is read, there is {listing}: close it or give it another name and source_id."

    def successor(self, read: str, rivals: Iterable[str], now: float) -> str | None:
        """To be called while the stream with uid `read` is silent: uid of the one that is there in its place."""
        uid = min(set(rivals) - self.not_meant(now), default=None)
        if uid is not None:
            self._left[read] = now
        return uid
