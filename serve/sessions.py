"""The open sessions of one server: each a hub and outputs here and a stream in the engine; knows no sockets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime.decision_outlet import DecisionOutlet
from realtime.errors import BadInput
from serve.backend import Backend
from serve.hub import Hub
from serve.metrics import Metrics
from serve.osc import OscSink, osc_address
from serve.outputs import Output, Sink
from serve.protocol import Session, SessionRequest
from serve.settings import Settings


@dataclass
class Running:
    """One open session."""

    request: SessionRequest
    hub: Hub
    outputs: list[Output] = field(default_factory=list)  # beside the hub, which serves the web clients
    paused: bool = False
    next_about: dict[str, Any] | None = None  # of a bundle that is about to take over
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it is paused, resumed, loaded or swapped

    def with_hello(self, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The message, and after the moment `swapped` what the new bundle is."""
        yield message
        if message["type"] == "status" and message["state"] == "swapped" and self.next_about is not None:
            yield {"type": "hello", **self.next_about}
            self.next_about = None


class Sessions:
    """Opens, closes, moves and finds sessions; runs on the server's event loop, slow work in a thread beside it."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.osc = osc_address(settings.osc) if settings.osc else None
        self.settings = settings
        self.backend = backend
        self.metrics = Metrics()
        self.running: dict[str, Running] = {}
        self.decoders: dict[Path, Any] = {}  # weights are shared by the sessions of one bundle
        self.opened = 0
        self.loading = asyncio.Lock()
        self.loop = asyncio.get_running_loop()
        self.engine = backend.engine(self.publish)

    def publish(self, session: str, message: dict[str, Any]) -> None:
        """Where the messages of a session part, from any thread: to the web clients and to every other output.

        Each way out has its own queue, so none waits for another, and the engine for none. A message that was on its
        way when its session closed goes nowhere.
        """
        if (running := self.running.get(session)) is None:
            return
        for each in running.with_hello(message):
            self.loop.call_soon_threadsafe(running.hub.publish, each)
            if each["type"] != "signal":
                for output in running.outputs:
                    output.put(each)

    def hub(self, session: str) -> Hub | None:
        """The hub of an open session."""
        running = self.running.get(session)
        return None if running is None else running.hub

    async def decoder(self, bundle: str | None) -> Any:
        """The decoder of the bundle the server was started with, or of its neighbour of that name; raises BadInput."""
        path = self.settings.bundle.resolve()
        path = path if bundle is None else (path.parent / bundle).resolve()
        async with self.loading:
            if path not in self.decoders:
                self.decoders[path] = await asyncio.to_thread(self.backend.load, path)
        return self.decoders[path]

    async def open(self, request: SessionRequest) -> str:
        """Start decoding a stream and name the session; raises BadInput.

        Whether the stream is there shows in the session's status.
        """
        request = self.complete(request)
        decoder = await self.decoder(request.bundle)
        query = self.backend.query(request.stream, request.markers, request.delay_s)
        self.opened += 1
        session = f"s{self.opened}"
        about = {"stream": request.stream, **self.backend.about(decoder)}
        running = Running(request, Hub(session, about, self.settings, self.metrics), paused=request.paused)
        running.outputs = await self.outputs(session, request, about)
        self.running[session] = running
        self.metrics.sessions.set(len(self.running))
        try:
            tracks = {} if request.tracks in (None, 1) else {"tracks": request.tracks}
            await asyncio.to_thread(self.engine.open, session, decoder, query, **tracks)
            if request.paused:
                await asyncio.to_thread(self.engine.pause, session)
        except BaseException:
            await self.end(self.forget(session))
            raise
        return session

    def complete(self, request: SessionRequest) -> SessionRequest:
        """The request with what it leaves out as the server was started."""
        settings = self.settings
        started = {
            "delay_s": settings.delay_s,
            "tracks": settings.tracks,
            "lsl": settings.lsl_out,
            "record": settings.record is not None,
        }
        if request.record and settings.record is None:
            raise BadInput("record: the server was started without a folder to record in; start it with --record.")
        left_out = {key: value for key, value in started.items() if getattr(request, key) is None}
        return request.model_copy(update=left_out)

    async def outputs(self, session: str, request: SessionRequest, about: dict[str, Any]) -> list[Output]:
        """The ways out of a session beside its web clients."""
        sinks: dict[str, Sink] = {}
        if request.lsl:
            sinks["lsl"] = await asyncio.to_thread(self.outlet, session, about)
        if self.osc is not None:
            sinks["osc"] = OscSink(session, self.osc)
        dropped = self.metrics.outputs_dropped
        return [Output(name, sink, dropped.labels(session, name).inc) for name, sink in sinks.items()]

    def outlet(self, session: str, about: dict[str, Any]) -> DecisionOutlet:
        """The LSL streams of a session's decisions, named after the stream it decodes where that is in sight."""
        asked = about["stream"]
        rows = [row for row in self.backend.streams() if asked in (row.name, row.source_id)]
        name, source_id = (rows[0].name, rows[0].source_id) if len(rows) == 1 else (asked, "")
        outlet = DecisionOutlet(name, source_id, session)
        outlet.send({"type": "hello", **about})
        return outlet

    async def open_first(self) -> None:
        """Open what the settings name, or the only EEG or MEG stream in sight, or nothing."""
        stream = self.settings.stream
        if stream is None:
            rows = await asyncio.to_thread(self.backend.streams)
            rows = [row for row in rows if row.type.upper() in ("EEG", "MEG")]
            if len(rows) > 1:
                found = ", ".join(map(str, rows))
                raise BadInput(
                    f"LSL shows {len(rows)} EEG or MEG streams ({found}): choose one with --stream NAME or source_id."
                )
            if not rows:
                await self.decoder(None)  # a bad bundle is told now, not at the first session
                return
            stream = rows[0].name
        await self.open(SessionRequest(stream=stream, markers=self.settings.markers))

    async def pause(self, session: str, paused: bool) -> None:
        """Stop decoding, or decode again; nothing where it is so already."""
        running = self.running[session]
        async with running.changing:
            if running.paused != paused:
                await asyncio.to_thread(self.engine.pause if paused else self.engine.resume, session)
                running.paused = paused

    async def save(self, session: str) -> bytes:
        """The state of a session, between two hops."""
        async with self.running[session].changing:
            return await asyncio.to_thread(self.engine.save, session)

    async def load(self, session: str, state: bytes) -> bool:
        """Let a paused session go on from a state; False where it is not paused; raises BadInput."""
        running = self.running[session]
        async with running.changing:
            if running.paused:
                await asyncio.to_thread(self.engine.load, session, state)
            return running.paused

    async def swap(self, session: str, bundle: str) -> None:
        """Decode with another bundle from the next hop on; raises BadInput."""
        running, decoder = self.running[session], await self.decoder(bundle)
        async with running.changing:
            running.next_about = {"stream": running.request.stream, **self.backend.about(decoder)}
            try:
                await asyncio.to_thread(self.engine.swap, session, decoder)
            except BaseException:
                running.next_about = None
                raise

    async def close(self, session: str) -> None:
        """Stop decoding and end the session's clients and outputs."""
        running = self.forget(session)  # first, so that a second request finds it gone
        await asyncio.to_thread(self.engine.close, session)
        await self.end(running)

    async def stop(self) -> None:
        """End everything."""
        await asyncio.to_thread(self.engine.stop)
        await asyncio.gather(*(self.end(self.forget(session)) for session in list(self.running)))

    def forget(self, session: str) -> Running:
        """Take a session out of sight."""
        running = self.running.pop(session)
        self.metrics.sessions.set(len(self.running))
        return running

    async def end(self, running: Running) -> None:
        """Send what waits for the outputs, then end the session's clients."""
        await asyncio.gather(*(asyncio.to_thread(output.close) for output in running.outputs))
        running.hub.close()

    def describe(self, session: str) -> Session:
        """One session as GET /v1/sessions shows it."""
        running = self.running[session]
        hub, request = running.hub, running.request
        return Session(
            session=session,
            stream=request.stream,
            markers=request.markers,
            bundle=hub.about["bundle"],
            seq=hub.events.last,
            clients=len(hub.events.readers),
            paused=running.paused,
            outputs=[output.name for output in running.outputs],
            recording=None,
            **hub.status,
        )
