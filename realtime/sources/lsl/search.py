"""Finds LSL streams by name or source_id."""

from collections.abc import Iterable
from time import monotonic, sleep

import pylsl

from realtime.errors import BadInput
from realtime.sources.lsl.directory import COLLECT_S, FoundStream, StreamRow, directory, row_of
from realtime.sources.lsl.inlet import SETTLE_S, resolve_streams
from realtime.sources.query import StreamQuery


def find_streams(wait_s: float = 1.0) -> list[StreamRow]:
    """Every LSL stream that answers within `wait_s` seconds, signals first."""
    rows = [row_of(info) for info in resolve_streams(pylsl.ContinuousResolver(), wait_s, settle_s=wait_s)]
    return sorted(rows, key=lambda row: (row.is_marker, row.name, row.source_id))


def poll_streams(query: StreamQuery, wait_s: float) -> FoundStream:
    """The one signal stream that matches `query`, once it and any other match had time to answer.

    `BadInput` if none matches within `wait_s` seconds, if several do, or if only excluded ones do.
    """
    started, streams = monotonic(), directory()
    while True:
        streams.refresh()
        matching = [stream for stream in streams.streams() if query.matches(stream.row)]
        allowed = [stream for stream in matching if stream.uid not in query.excluded_uids]
        now = monotonic()
        if (allowed and now - streams.started > SETTLE_S) or (not allowed and now - started > wait_s):
            break
        sleep(COLLECT_S)
    if len(allowed) > 1:  # or one has just ended: query them again
        answers = {info.uid() for info in resolve_streams(pylsl.ContinuousResolver(), SETTLE_S, settle_s=SETTLE_S)}
        for stream in allowed:
            if stream.uid not in answers:
                streams.mark_gone(stream.uid)
        allowed = [stream for stream in allowed if stream.uid in answers]
    if len(allowed) == 1:
        return allowed[0]
    if allowed:
        raise BadInput(
            f"{len(allowed)} LSL streams match {query}: {join_names(allowed)}; name one of them by its source_id, or "
            "close all but one"
        )
    if matching:
        raise BadInput(
            f"only {join_names(matching)} matches {query}, which was there already while the lost stream was read; "
            "restart that one, or start a new session to read this one"
        )
    raise BadInput(f"no LSL stream matches {query}; visible streams: {join_names(streams.streams())}")


def join_names(streams: Iterable[FoundStream]) -> str:
    """The streams' descriptions, sorted, as one text."""
    return ", ".join(sorted(str(stream.row) for stream in streams)) or "none"
