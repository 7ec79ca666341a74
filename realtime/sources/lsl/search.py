"""Finds LSL streams by name, type or source id."""

from collections.abc import Iterable
from time import monotonic, sleep

import pylsl

from realtime.errors import BadInput
from realtime.sources.lsl.directory import LOOK_S, FoundStream, StreamRow, directory, row_of
from realtime.sources.lsl.inlet import SETTLE_S, resolve_streams
from realtime.sources.query import StreamQuery


def find_streams(wait_s: float = 1.0) -> list[StreamRow]:
    """Every LSL stream that answers within `wait_s` seconds, signals first."""
    rows = [row_of(info) for info in resolve_streams(pylsl.ContinuousResolver(), wait_s, settle_s=wait_s)]
    return sorted(rows, key=lambda row: (row.is_marker, row.name, row.source_id))


def poll_streams(query: StreamQuery, wait_s: float) -> FoundStream:
    """The one signal stream that is asked for, as soon as it is in sight and others would be."""
    began, looked = monotonic(), directory()
    while True:
        looked.ask()
        found = [seen for seen in looked.streams() if query.asks_for(seen.row)]
        meant = [seen for seen in found if seen.uid not in query.without]
        now = monotonic()
        if (meant and now - looked.began > SETTLE_S) or (not meant and now - began > wait_s):
            break
        sleep(LOOK_S)
    if len(meant) > 1:  # or one has just ended: ask them again
        answers = {info.uid() for info in resolve_streams(pylsl.ContinuousResolver(), SETTLE_S, settle_s=SETTLE_S)}
        for seen in meant:
            if seen.uid not in answers:
                looked.gone(seen.uid)
        meant = [seen for seen in meant if seen.uid in answers]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise BadInput(
            f"{len(meant)} LSL streams match {query}: {join_names(meant)}; name one of them by its source_id, or close "
            "all but one"
        )
    if found:
        raise BadInput(
            f"only {join_names(found)} matches {query}, which was there beside the stream that was lost; restart that "
            "one, or start a new session to read this one"
        )
    raise BadInput(f"no LSL stream matches {query}; streams in sight: {join_names(looked.streams())}")


def join_names(streams: Iterable[FoundStream]) -> str:
    """Return the names of the streams, sorted, as one text."""
    return ", ".join(sorted(str(seen.row) for seen in streams)) or "none"
