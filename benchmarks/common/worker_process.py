"""Runs a function of a benchmark in a child process, so that its processor time is measured separately."""

import threading
from collections.abc import Callable
from typing import Any

from realtime.child_process import ChildProcess, Send
from realtime.sources.lsl.config import configure_liblsl

START_S = 120.0  # importing torch and opening streams, on a busy machine
CLOSE_S = 60.0


class WorkerProcess(ChildProcess[Any]):
    """`run(*args, send, stop)` in a child process that uses our configuration of liblsl; see `ChildProcess`."""

    def __init__(self, run: Callable[..., Any], *args: Any):
        super().__init__(_run_worker, run, args, close_s=CLOSE_S)

    def next_message(self, timeout_s: float = START_S) -> Any:
        """The oldest message not returned yet; see `ChildProcess.next_message`."""
        return super().next_message(timeout_s)

    def finish(self, timeout_s: float = CLOSE_S) -> Any:
        """Ask `run` to return, and return its result."""
        return super().finish(timeout_s)


def _run_worker(run: Callable[..., Any], args: tuple[Any, ...], send: Send, stop: threading.Event) -> Any:
    configure_liblsl()
    return run(*args, send, stop)
