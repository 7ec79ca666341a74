"""The recorder in a child process, so that the process that decodes never waits for a disk."""

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from realtime.child_process import ChildDied, ChildProcess, Send
from realtime.recorder.bids_names import BidsName


class RecorderEvent(NamedTuple):
    """Something that happened to a recording."""

    state: str  # recording; the last event: stopped (the file is verified) or record_failed
    detail: str  # one sentence


class RecordProcess(ChildProcess[RecorderEvent]):
    """A recording in a child process; a context manager that ends it.

    `out`, `streams` and `name` as in `realtime.recorder.recorder.record_streams`. Only `result` and leaving the context
    wait. A child whose parent dies ends its file properly.
    """

    def __init__(self, out: Path, streams: Sequence[str], name: BidsName):
        super().__init__(_record, Path(out), tuple(streams), name)
        self._reported = False  # whether the last event was returned

    def events(self) -> list[RecorderEvent]:
        """Events since the last call, at once; the last one is the result, unless `result` has returned it already."""
        events = [RecorderEvent(*message) for message in self.messages()]
        if self.ended and not self._reported:
            events.append(self.result(0.0))
        return events

    def result(self, timeout_s: float) -> RecorderEvent:
        """The last event, may be called again; `TimeoutError` if it does not come within `timeout_s` seconds.

        A child that died gives `record_failed`.
        """
        try:
            event = super().result(timeout_s)
        except ChildDied:
            message = f"the recording process {self.pid} died; its file holds what it wrote until then"
            event = RecorderEvent("record_failed", message)
        self._reported = True
        return event


def record_process(out: Path, streams: Sequence[str], name: BidsName | None = None) -> RecordProcess:
    """Record streams into a file, or into a folder under the first free run of `name`; returns at once."""
    return RecordProcess(out, streams, name or BidsName())


def _record(out: Path, streams: tuple[str, ...], name: BidsName, send: Send, stop: threading.Event) -> RecorderEvent:
    from realtime.recorder.recorder import record_streams

    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        result = record_streams(out, streams, name, lambda state, detail: send((state, detail)), stop.is_set)
    except Exception as error:  # also liblsl that is not there, a folder that cannot be made
        return RecorderEvent("record_failed", str(error))
    return RecorderEvent("stopped" if result.complete else "record_failed", result.message)
