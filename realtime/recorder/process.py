"""The recorder in a process of its own, so that whoever decodes never waits for a disk."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from realtime.recorder.bids_names import BidsName

KILL_AFTER_S = 5.0


class RecorderEvent(NamedTuple):
    """Something a recording tells."""

    state: str  # recording, stopped (verified; the last word) or record_failed (the last word)
    detail: str  # one sentence


class RecordProcess:
    """A recording in a child process; a context manager that ends it.

    `out`, `streams` and `name` as in `realtime.recorder.recorder.record_streams`. Nothing here waits except `wait`
    and leaving the context. A child whose parent dies ends its file properly.
    """

    def __init__(self, out: Path, streams: Sequence[str], name: BidsName):
        context = multiprocessing.get_context("spawn")
        self._pipe, child = context.Pipe()
        self._process = context.Process(target=_child, args=(child, Path(out), tuple(streams), name), daemon=True)
        self._process.start()
        child.close()
        self._last: RecorderEvent | None = None  # its last word, once told

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid or 0

    def news(self) -> list[RecorderEvent]:
        """What the recording has told since the last call, at once; a child that died tells `record_failed`."""
        told = []
        try:
            while self._last is None and self._pipe.poll():
                told.append(RecorderEvent(*self._pipe.recv()))
                self._last = told[-1] if told[-1].state != "recording" else None
        except (EOFError, ConnectionError):
            sentence = f"the recording process {self.pid} died; its file holds what it wrote until then"
            self._last = RecorderEvent("record_failed", sentence)
            told.append(self._last)
        return told

    def stop(self) -> None:
        """Ask the recording to end; its last word comes once the file is read back. Harmless when repeated."""
        try:
            self._pipe.send("stop")
        except (OSError, ValueError):
            return  # it has ended already

    def wait(self, timeout_s: float) -> RecorderEvent:
        """The last word of a recording, even if `news` has told it; TimeoutError if there is none in `timeout_s` s."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.news()
            if self._last is not None:
                return self._last
            self._pipe.poll(min(0.1, max(0.0, deadline - time.monotonic())))
        raise TimeoutError(f"the recording process {self.pid} did not end within {timeout_s:g} s")

    def __enter__(self) -> "RecordProcess":
        return self

    def __exit__(self, *_) -> None:
        self._pipe.close()  # the child sees the end of the pipe and ends
        self._process.join(KILL_AFTER_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def record_process(out: Path, streams: Sequence[str], name: BidsName | None = None) -> RecordProcess:
    """Record the streams named into a file, or into a folder under the first free run of `name`; returns at once."""
    return RecordProcess(out, streams, name or BidsName())


def _child(pipe: Connection, out: Path, streams: tuple[str, ...], name: BidsName) -> None:
    from realtime.recorder.recorder import record_streams

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())

    def tell(state: str, detail: str) -> None:
        try:
            pipe.send((state, detail))
        except OSError:
            return  # nobody is there to be told

    try:
        done = record_streams(out, streams, name, tell, lambda: ending.is_set() or pipe.poll())
        tell("stopped" if done.whole else "record_failed", done.sentence)
    except Exception as error:  # also liblsl that is not there, a folder that cannot be made
        tell("record_failed", str(error))
