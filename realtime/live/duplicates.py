"""Other streams that match the query of a session: replacements of a silent stream, or streams of another set-up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Longer than LSL lists a stream that has ended, and longer than a sender needs to hand over to another one.
DUPLICATE_AFTER_S = 5.0


@dataclass
class DuplicateStreams:
    """Which other matching streams are replacements, through loss and return of the stream that is read.

    A stream that appears while the present one is silent replaces it. A stream that matched while the present one
    delivered samples belongs to another set-up. It is never read: one person's brain would be decoded as another's.
    Times are `time.monotonic()`.
    """

    other_set_ups: set[str] = field(default_factory=set)  # uids of streams of other set-ups
    _abandoned: dict[str, float] = field(default_factory=dict)  # uid of a replaced stream -> time of replacement
    _since: dict[str, float] = field(default_factory=dict)  # uid of another match -> first time it was listed
    _reported: frozenset[str] = frozenset()  # uids of the last report

    def excluded_uids(self, now: float) -> frozenset[str]:
        """Uids of streams that match and must not be read."""
        recent = {uid for uid, replaced in self._abandoned.items() if now - replaced < DUPLICATE_AFTER_S}
        return frozenset(self.other_set_ups | recent)

    def begin(self) -> None:
        """Start anew with another stream."""
        self._since, self._reported = {}, frozenset()

    def change(self, name: str, matches: Mapping[str, str], now: float) -> str | None:
        """Return a sentence if the set of duplicates has changed; to be called while samples arrive from `name`.

        `matches` are uid and description of the other streams that match.
        """
        self._since = {uid: self._since.get(uid, now) for uid in matches}
        lasting = frozenset(uid for uid, since in self._since.items() if now - since > DUPLICATE_AFTER_S)
        if lasting == self._reported:
            return None
        self._reported = lasting
        self.other_set_ups |= lasting
        if not lasting:
            return f"No other stream than {name!r} matches any more."
        listing = ", ".join(sorted(matches[uid] for uid in lasting))
        return f"Besides {name!r}, which is read, there is {listing}: close it or give it another name and source_id."

    def replacement(self, uid: str, matches: Iterable[str], now: float) -> str | None:
        """Uid of the stream that replaces the silent stream `uid`, or None."""
        new = min(set(matches) - self.excluded_uids(now), default=None)
        if new is not None:
            self._abandoned[uid] = now
        return new
