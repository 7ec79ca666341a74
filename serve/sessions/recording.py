"""The recording of one session: when it starts and ends, and which events of the recorder become statuses."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from realtime.recorder.bids_names import BidsName
from realtime.recorder.process import RecorderEvent, RecordProcess, record_process

POLL_INTERVAL_S = 0.25  # between two looks for events of the recorder
DRAIN_S = 0.25  # the last decisions need this long to reach the recorder
VERIFY_TIMEOUT_S = 30.0  # to read the file back: 1 s for about a hundred MB

ReportStatus = Callable[[str, str], None]  # state and sentence


class SessionRecording:
    """A recorder in a process of its own; `report_status` gets each of its events. Runs on the event loop."""

    def __init__(self, folder: Path, streams: list[str], name: BidsName, report_status: ReportStatus) -> None:
        self.process: RecordProcess = record_process(folder, streams, name)
        self.report_status = report_status
        self.last_message = "starting"
        self.ended = False
        self.following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End the file and wait, a bounded time, until it has been read back; the last status says what is in it."""
        await asyncio.sleep(DRAIN_S)
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)
        if not self.ended:
            self._report(RecorderEvent("recording", "the recording ends, its file is read back"))
            self.process.stop()
            try:
                self._report(await asyncio.to_thread(self.process.result, VERIFY_TIMEOUT_S))
            except TimeoutError:
                sentence = f"{self.last_message}; it could not be read back within {VERIFY_TIMEOUT_S:g} s"
                self._report(RecorderEvent("record_failed", sentence))
        await asyncio.to_thread(self.process.close)

    async def _follow(self) -> None:
        while not self.ended:
            for event in self.process.events():
                self._report(event)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _report(self, event: RecorderEvent) -> None:
        self.last_message, self.ended = event.detail, event.state != "recording"
        state = "recorded" if event.state == "stopped" else event.state
        self.report_status(state, f"{event.detail.rstrip('.')}.")
