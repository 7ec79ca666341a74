"""The open sessions of one server: each a hub and outputs here and a stream in the engine; knows no sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from realtime.errors import BadInput
from serve.backend import Backend
from serve.protocol.rest import SessionRequest
from serve.sessions.hub import Hub
from serve.sessions.output_factory import OutputFactory
from serve.sessions.running import RunningSession
from serve.settings import Settings


class SessionManager:
    """Opens, closes, moves and finds sessions; runs on the server's event loop, slow work in a thread beside it."""

    def __init__(self, settings: Settings, backend: Backend, ways_out: OutputFactory) -> None:
        self.settings = settings
        self.backend = backend
        self.ways_out = ways_out
        self.metrics = ways_out.metrics
        self.running: dict[str, RunningSession] = {}
        self.decoders: dict[Path, Any] = {}  # weights are shared by the sessions of one bundle
        self.opened = 0
        self.loading = asyncio.Lock()
        self.engine = backend.engine(self.publish)

    def publish(self, session: str, message: dict[str, Any]) -> None:
        """Pass on a message of the engine, from any thread.

        One that was on its way when its session closed goes nowhere: a hub and outputs that have ended take none.
        """
        if (running := self.running.get(session)) is not None:
            running.publish(message)

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
        running = RunningSession(request, Hub(session, about, self.settings, self.metrics), paused=request.paused)
        try:
            await self.ways_out.open(running)
        except BaseException:
            await running.end()  # the outputs that were opened before it
            raise
        self.running[session] = running
        self.metrics.sessions.set(len(self.running))
        if request.paused:
            detail = "Opened paused: resume it, or give it a state first."
            running.publish({"type": "status", "state": "paused", "detail": detail, "lasting": False})
        try:
            await asyncio.to_thread(
                self.engine.open,
                session,
                decoder,
                query,
                tracks=request.tracks or 1,
                paused=request.paused,
                adapt=bool(request.adapt),
            )
        except BaseException:
            await self.forget(session).end()
            raise
        return session

    def complete(self, request: SessionRequest) -> SessionRequest:
        """The request with what it leaves out as the server was started."""
        settings = self.settings
        started = {
            "delay_s": settings.delay_s,
            "tracks": settings.tracks,
            "adapt": settings.adapt,
            "record": settings.record is not None,
            "lsl": settings.lsl_out,
        }
        if request.record and settings.record is None:
            raise BadInput("record: the server was started without a folder to record in; start it with --record.")
        left_out = {key: value for key, value in started.items() if getattr(request, key) is None}
        return request.model_copy(update=left_out)

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
        async with self.changing(session) as running:
            if running.paused != paused:
                await asyncio.to_thread(self.engine.pause if paused else self.engine.resume, session)
                running.paused = paused

    async def save(self, session: str) -> bytes:
        """The state of a session, between two hops."""
        async with self.changing(session):
            return await asyncio.to_thread(self.engine.save, session)

    async def load(self, session: str, state: bytes) -> bool:
        """Let a paused session go on from a state; False where it is not paused; raises BadInput."""
        async with self.changing(session) as running:
            if running.paused:
                await asyncio.to_thread(self.engine.load, session, state)
            return running.paused

    async def swap(self, session: str, bundle: str) -> None:
        """Decode with another bundle from the next hop on; raises BadInput."""
        decoder = await self.decoder(bundle)
        async with self.changing(session) as running:
            running.next_about = {"stream": running.request.stream, **self.backend.about(decoder)}
            try:
                await asyncio.to_thread(self.engine.swap, session, decoder)
            except BaseException:
                running.next_about = None
                raise

    async def close(self, session: str) -> None:
        """Stop decoding and end the session's clients and outputs."""
        running = self.forget(session)  # first, so that a second request finds it gone
        async with running.changing:
            await asyncio.to_thread(self.engine.close, session)
            await running.end()

    @asynccontextmanager
    async def changing(self, session: str) -> AsyncIterator[RunningSession]:
        """The session, which nobody else changes meanwhile; raises BadInput where it has been closed."""
        running = self.running.get(session)
        async with running.changing if running else nullcontext():
            if running is None or self.running.get(session) is not running:
                raise BadInput(f"Session {session!r} was closed meanwhile: open another one.")
            yield running

    async def stop(self) -> None:
        """End everything."""
        await asyncio.to_thread(self.engine.stop)
        await asyncio.gather(*(self.forget(session).end() for session in list(self.running)))

    def forget(self, session: str) -> RunningSession:
        """Take a session out of sight."""
        running = self.running.pop(session)
        self.metrics.sessions.set(len(self.running))
        return running
