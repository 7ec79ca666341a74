"""Waiting for what must happen, however slow the machine is.

A test says what it waits for, never how long that takes: the limit only ends a test that would hang.
"""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 60.0  # many times what any of this takes while other processes keep the machine busy

T = TypeVar("T")


def until(condition: Callable[[], T], timeout_s: float = PATIENCE_S, every_s: float = 0.01) -> T:
    """Return the first true value of `condition`, called every `every_s` seconds; the last value after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(every_s)
    return value
