"""Which stream to read: by name or source_id. An address `fieldtrip://...` is read in fieldtrip/source.py."""

from dataclasses import dataclass

from realtime.sources.lsl.directory import StreamRow


@dataclass(frozen=True)
class StreamQuery:
    """The signal stream to read, and the marker streams that go with it."""

    name: str  # or its source_id
    markers: str | None = None  # names or source_ids of the marker streams, separated by commas; None: all visible ones
    delay_s: float | None = None  # of the device: a sample stamped t was taken at t - delay_s; None: as the header says
    excluded_uids: frozenset[str] = frozenset()  # of streams that match and must not be read

    def __str__(self) -> str:
        return f"name {self.name!r}"

    def matches(self, row: StreamRow) -> bool:
        """Whether `row` is a signal stream of this name or source_id; `excluded_uids` is not looked at."""
        return self.name in (row.name, row.source_id) and not row.is_marker
