"""The recording of one session: what it says becomes statuses of the session; knows no XDF and no disk."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from realtime.recorder.bids_names import BidsName
from realtime.recorder.process import RecorderEvent, RecordProcess, record_process

POLL_INTERVAL_S = 0.25  # between two looks for what the recorder says
DRAIN_S = 0.25  # the last decisions need to reach the recorder
VERIFY_TIMEOUT_S = 30.0  # how long it may take to read its file back: 1 s for about a hundred MB

Tell = Callable[[dict[str, Any]], None]


class SessionRecording:
    """A recorder in a process of its own; `tell` gets a status for everything it says. Runs on the event loop."""

    def __init__(self, folder: Path, streams: list[str], name: BidsName, tell: Tell) -> None:
        self.process: RecordProcess = record_process(folder, streams, name)
        self.tell = tell
        self.said = "starting"  # its last sentence
        self.ended = False
        self.following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End the file and wait, a bounded time, until it has been read back: the last status says what is in it."""
        await asyncio.sleep(DRAIN_S)
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)
        if not self.ended:
            self._say(RecorderEvent("recording", "the recording ends, its file is read back"))
            self.process.stop()
            try:
                self._say(await asyncio.to_thread(self.process.result, VERIFY_TIMEOUT_S))
            except TimeoutError:
                self._say(
                    RecorderEvent(
                        "record_failed", f"{self.said}; it could not be read back within {VERIFY_TIMEOUT_S:g} s"
                    )
                )
        await asyncio.to_thread(self.process.close)

    async def _follow(self) -> None:
        while not self.ended:
            for news in self.process.events():
                self._say(news)
            await asyncio.sleep(POLL_INTERVAL_S)

    def _say(self, news: RecorderEvent) -> None:
        self.said, self.ended = news.detail, news.state != "recording"
        state = "recorded" if news.state == "stopped" else news.state
        self.tell({"type": "status", "state": state, "detail": f"{news.detail.rstrip('.')}.", "lasting": False})
