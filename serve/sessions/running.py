"""One open session: where its messages part, and how it ends; knows no engine and no sockets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from serve.protocol.rest import Session, SessionRequest
from serve.sessions.hub import Hub
from serve.sessions.output import Output
from serve.sessions.recording import SessionRecording


@dataclass
class RunningSession:
    """A session's hub, which serves the web clients, its other ways out, and what is being done with it.

    Runs on the server's event loop, except `publish`.
    """

    request: SessionRequest
    hub: Hub
    outputs: list[Output] = field(default_factory=list)
    recording: SessionRecording | None = None
    paused: bool = False
    next_about: dict[str, Any] | None = None  # of a bundle that is about to take over
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it is paused, moved, swapped or closed
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def publish(self, message: dict[str, Any]) -> None:
        """Pass a message to the web clients and to every other output, from any thread.

        Each way out has its own queue, so none waits for another, and the engine for none.
        """
        if message["type"] == "signal" and not self.hub.signal.readers:
            self.hub.heard = monotonic()  # every decision's samples come with traces: nobody is woken who need not be
            return
        for each in self._with_hello(message):
            self.loop.call_soon_threadsafe(self.hub.publish, each)
            if each["type"] != "signal":
                for output in self.outputs:
                    output.put(each)

    def _with_hello(self, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The message, and after the moment `swapped` what the new bundle is."""
        yield message
        if message["type"] == "status" and message["state"] == "swapped" and self.next_about is not None:
            yield {"type": "hello", **self.next_about}
            self.next_about = None

    async def end(self) -> None:
        """Verify the recording, send what waits for the outputs, then end the session's clients."""
        if self.recording is not None:
            await self.recording.stop()
        await asyncio.gather(*(asyncio.to_thread(output.close) for output in self.outputs))
        self.hub.close()

    def describe(self) -> Session:
        """The session as GET /v1/sessions shows it."""
        return Session(
            session=self.hub.session,
            stream=self.request.stream,
            markers=self.request.markers,
            bundle=self.hub.about["bundle"],
            seq=self.hub.events.last,
            clients=len(self.hub.events.readers),
            paused=self.paused,
            outputs=[output.name for output in self.outputs],
            recording=self.recording and self.recording.said,
            **self.hub.status,
        )
