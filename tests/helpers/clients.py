"""Clients of a running server."""

import json

from websockets.sync.client import ClientConnection, connect

from tests.helpers import http
from tests.helpers.waiting import PATIENCE_S


def listening(server: str, path: str = "/v1/sessions/s1/events", **how) -> ClientConnection:
    """A WebSocket of the server; use it in a `with` block."""
    return connect(server.replace("http", "ws", 1) + path, proxy=None, **how)


def next_of(client: ClientConnection, kind: str) -> dict:
    """The next message of that type."""
    while (message := json.loads(client.recv(PATIENCE_S)))["type"] != kind:
        pass
    return message


def metric(server: str, line: str) -> float:
    """The value of the first line of /metrics that starts like this, else 0."""
    lines = http.get(f"{server}/metrics").text.splitlines()
    return next((float(row.split()[-1]) for row in lines if row.startswith(line)), 0)
