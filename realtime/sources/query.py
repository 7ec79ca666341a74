"""Which stream is meant: by name, type or source id."""

from dataclasses import dataclass

from realtime.sources.lsl.directory import StreamRow


@dataclass(frozen=True)
class StreamQuery:
    """Which stream to read."""

    name: str  # or its source_id
    markers: str | None = None  # names or source_ids of the marker streams, with commas between; None: all in sight
    delay_s: float | None = None  # of the device: a sample stamped t was taken at t - delay_s; None: as the header says
    without: frozenset[str] = frozenset()  # uids of streams that are not meant although they match

    def __str__(self) -> str:
        return f"name {self.name!r}"

    def asks_for(self, row: StreamRow) -> bool:
        """Whether this is such a stream."""
        return self.name in (row.name, row.source_id) and not row.is_marker
