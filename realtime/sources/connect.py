"""Opens the kind of source that a query names."""

from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from realtime.stream import Source


def connect(query: StreamQuery) -> Source:
    """Open the stream: a FieldTrip buffer for `fieldtrip://host:port`, else the LSL stream of that name or source_id.

    Raises BadInput and StreamLost as the source does.
    """
    if query.name.startswith("fieldtrip://"):
        from realtime.sources.fieldtrip.source import FieldTripSource

        return FieldTripSource(query)
    return LslSource(query)
