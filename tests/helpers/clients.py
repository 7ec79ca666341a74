"""Clients of a running server."""

import json
import time
from collections.abc import Callable

import httpx
from websockets.sync.client import ClientConnection, connect


def listening(server: str, path: str = "/v1/sessions/s1/events", **how) -> ClientConnection:
    """A WebSocket of the server; use it in a `with` block."""
    return connect(server.replace("http", "ws", 1) + path, proxy=None, **how)


def next_of(client: ClientConnection, kind: str) -> dict:
    """The next message of that type."""
    while (message := json.loads(client.recv(5)))["type"] != kind:
        pass
    return message


def until(condition: Callable, timeout_s: float = 5.0):
    """Wait for `condition` to be true, and return it."""
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def metric(server: str, line: str) -> float:
    """The value of the first line of /metrics that starts like this, else 0."""
    lines = httpx.get(f"{server}/metrics").text.splitlines()
    return next((float(row.split()[-1]) for row in lines if row.startswith(line)), 0)
