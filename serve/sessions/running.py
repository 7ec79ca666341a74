"""One open session: to which hub, outputs and recording its messages go, and in which order these end."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic

from realtime.live.messages import Message, TraceFrame, status_message
from serve.protocol.rest import Session, SessionRequest
from serve.sessions.hub import Hub
from serve.sessions.output import Output
from serve.sessions.recording import SessionRecording


@dataclass
class RunningSession:
    """A session's hub, which serves the web clients, its other outputs, and its recording.

    Runs on the server's event loop, except `publish` and `report_status`.
    """

    request: SessionRequest
    hub: Hub
    outputs: list[Output] = field(default_factory=list)
    recording: SessionRecording | None = None
    transition_lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # for pause, move, swap and close
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def paused(self) -> bool:
        """Whether samples wait, as the engine's session reported last."""
        return self.hub.paused is not None

    def publish(self, message: Message) -> None:
        """Pass a message to the web clients and to every other output, from any thread.

        Each output has its own queue, so none waits for another, and the engine for none.
        """
        if isinstance(message, TraceFrame):
            if not self.hub.signal.readers:
                self.hub.last_samples = monotonic()  # traces come with every decision's samples: wake the loop for none
                return
        else:
            for output in self.outputs:
                output.put(message)
        self.loop.call_soon_threadsafe(self.hub.publish, message)

    def report_status(self, state: str, detail: str) -> None:
        """Publish a status of the server's own, from any thread."""
        self.publish(status_message(self.hub.session, state, detail))

    async def end(self) -> None:
        """Verify the recording, send what waits for the outputs, then end the session's clients."""
        if self.recording is not None:
            await self.recording.stop()
        await asyncio.gather(*(asyncio.to_thread(output.close) for output in self.outputs))
        self.hub.close()

    def summary(self) -> Session:
        """The session as GET /v1/sessions shows it."""
        return Session(
            session=self.hub.session,
            stream=self.request.stream,
            markers=self.request.markers,
            bundle=self.hub.hello.bundle,
            state=self.hub.status.state,
            detail=self.hub.status.detail,
            seq=self.hub.events.last,
            clients=len(self.hub.events.readers),
            paused=self.paused,
            outputs=[output.name for output in self.outputs],
            recording=self.recording and self.recording.last_message,
        )
