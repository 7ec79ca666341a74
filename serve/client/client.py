"""Follows the events of a session over WebSocket."""

from collections.abc import Iterator
from time import monotonic

from websockets.sync.client import connect

from realtime.live.messages import EventMessage
from serve.client.score import Score
from serve.protocol.messages import parse_message


def watch(url: str, session: str, score: Score, seconds: float, patience_s: float = 60.0) -> Iterator[EventMessage]:
    """Every message until `seconds` after the first decision; TimeoutError without one in `patience_s`."""
    began = monotonic()
    with connect(
        f"{url.replace('http', 'ws', 1)}/v1/sessions/{session}/events?after=0", max_size=None, proxy=None
    ) as socket:
        while score.first_decision is None or monotonic() < score.first_decision + seconds:
            if score.first_decision is None and monotonic() > began + patience_s:
                raise TimeoutError(f"no decision within {patience_s:g} s")
            try:
                message = parse_message(socket.recv(timeout=0.5))
            except TimeoutError:
                continue
            if message is not None:
                score.add(message)
                yield message
