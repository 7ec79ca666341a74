"""Opens and ends the sessions of one server, each with a hub and outputs here and a stream in the engine.

Their number has no limit: `glimpse certify` measures how many a machine decodes in time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.errors import BadInput
from realtime.live.messages import HelloMessage, Message
from serve.backend import Backend
from serve.protocol.rest import SessionRequest
from serve.sessions.hub import Hub
from serve.sessions.output_factory import OutputFactory
from serve.sessions.running import RunningSession
from serve.settings import Settings

if TYPE_CHECKING:
    from realtime.decoding.decoder import Decoder


class SessionManager:
    """Opens, closes, moves and finds sessions; runs on the server's event loop, slow work in other threads."""

    def __init__(self, settings: Settings, backend: Backend, output_factory: OutputFactory) -> None:
        self.settings = settings
        self.backend = backend
        self.output_factory = output_factory
        self.metrics = output_factory.metrics
        self.running: dict[str, RunningSession] = {}
        self.decoders: dict[Path, Decoder] = {}  # weights are shared by the sessions of one bundle
        self.n_opened = 0
        self.loading = asyncio.Lock()
        self.engine = backend.engine(self.publish)

    def publish(self, session: str, message: Message) -> None:
        """Pass on a message of the engine, from any thread; messages of a session that has ended are dropped."""
        if (running := self.running.get(session)) is not None:
            running.publish(message)

    def hub(self, session: str) -> Hub | None:
        """The hub of an open session."""
        running = self.running.get(session)
        return None if running is None else running.hub

    async def decoder(self, bundle: str | None) -> "Decoder":
        """The decoder of the server's bundle, or of the bundle of that name in the same folder; raises BadInput."""
        path = self.settings.bundle.resolve()
        path = path if bundle is None else (path.parent / bundle).resolve()
        async with self.loading:
            if path not in self.decoders:
                self.decoders[path] = await asyncio.to_thread(self.backend.load, path)
        return self.decoders[path]

    async def open(self, request: SessionRequest) -> RunningSession:
        """Start decoding a stream; raises BadInput.

        Whether the stream is there shows in the session's status.
        """
        request = self.with_defaults(request)
        decoder = await self.decoder(request.bundle)
        query = self.backend.query(request.stream, request.markers, request.delay_s)
        self.n_opened += 1
        session = f"s{self.n_opened}"
        hello = HelloMessage.of(self.backend.info(decoder), session, request.stream)
        running = RunningSession(request, Hub(hello, self.settings, self.metrics))
        try:
            await self.output_factory.open(running)
        except BaseException:
            await running.end()  # ends the outputs that are open by now
            raise
        self.running[session] = running
        self.metrics.sessions.set(len(self.running))
        if request.paused:
            running.report_status("paused", "Opened paused: resume it, or give it a state first.")
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
            await self.remove(session).end()
            raise
        return running

    def with_defaults(self, request: SessionRequest) -> SessionRequest:
        """The request, completed by the settings of the server."""
        settings = self.settings
        defaults = {
            "delay_s": settings.delay_s,
            "tracks": settings.tracks,
            "adapt": settings.adapt,
            "record": settings.record is not None,
            "lsl": settings.lsl_out,
        }
        if request.record and settings.record is None:
            raise BadInput("record: the server was started without a folder to record in; start it with --record.")
        missing = {key: value for key, value in defaults.items() if getattr(request, key) is None}
        return request.model_copy(update=missing)

    async def open_initial_session(self) -> None:
        """Open the stream of the settings, or the only EEG or MEG stream of LSL, or nothing; raises BadInput."""
        stream = self.settings.stream
        if stream is None:
            rows = await asyncio.to_thread(self.backend.streams)
            rows = [row for row in rows if row.type.upper() in ("EEG", "MEG")]
            if len(rows) > 1:
                listing = ", ".join(map(str, rows))
                raise BadInput(
                    f"LSL shows {len(rows)} EEG or MEG streams ({listing}): choose one with --stream NAME or source_id."
                )
            if not rows:
                await self.decoder(None)  # a bad bundle is an error now, not at the first session
                return
            stream = rows[0].name
        await self.open(SessionRequest(stream=stream, markers=self.settings.markers))

    async def pause(self, session: str, paused: bool) -> None:
        """Pause or resume a session; does nothing where it is in that state."""
        async with self.exclusive(session) as running:
            if running.paused != paused:
                await asyncio.to_thread(self.engine.pause if paused else self.engine.resume, session)

    async def save(self, session: str) -> bytes:
        """The state of a session, between two hops."""
        async with self.exclusive(session):
            return await asyncio.to_thread(self.engine.save, session)

    async def load(self, session: str, state: bytes) -> bool:
        """Continue a paused session from a saved state; False where it is not paused; raises BadInput."""
        async with self.exclusive(session) as running:
            if running.paused:
                await asyncio.to_thread(self.engine.load, session, state)
            return running.paused

    async def swap(self, session: str, bundle: str) -> None:
        """Decode with another bundle from the next hop on; raises BadInput."""
        decoder = await self.decoder(bundle)
        async with self.exclusive(session):
            await asyncio.to_thread(self.engine.swap, session, decoder)

    async def close(self, session: str) -> None:
        """Stop decoding, and end the session's clients and outputs."""
        running = self.remove(session)  # first, so that a second request finds it gone
        async with running.transition_lock:
            await asyncio.to_thread(self.engine.close, session)
            await running.end()

    @asynccontextmanager
    async def exclusive(self, session: str) -> AsyncIterator[RunningSession]:
        """The session, locked for the block; raises BadInput where it has ended."""
        running = self.running.get(session)
        async with running.transition_lock if running else nullcontext():
            if running is None or self.running.get(session) is not running:
                raise BadInput(f"Session {session!r} has ended meanwhile: open another one.")
            yield running

    async def stop(self) -> None:
        """End the engine and every session."""
        await asyncio.to_thread(self.engine.stop)
        await asyncio.gather(*(self.remove(session).end() for session in list(self.running)))

    def remove(self, session: str) -> RunningSession:
        """Remove a session from the open ones."""
        running = self.running.pop(session)
        self.metrics.sessions.set(len(self.running))
        return running
