"""The open sessions of one server: each a hub here and a stream in the engine; knows no sockets."""

import asyncio
from pathlib import Path
from typing import Any

from realtime.errors import BadInput
from serve.backend import Backend
from serve.hub import Hub
from serve.metrics import Metrics
from serve.protocol import Session, SessionRequest
from serve.settings import Settings


class Sessions:
    """Opens, closes and finds sessions; runs on the server's event loop, slow work in a thread beside it."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.settings = settings
        self.backend = backend
        self.metrics = Metrics()
        self.hubs: dict[str, Hub] = {}
        self.asked: dict[str, SessionRequest] = {}
        self.decoders: dict[Path, Any] = {}  # weights are shared by the sessions of one bundle
        self.opened = 0
        self.loading = asyncio.Lock()
        loop = asyncio.get_running_loop()

        def publish(session: str, message: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self.publish, session, message)

        self.engine = backend.engine(publish)

    def publish(self, session: str, message: dict[str, Any]) -> None:
        """Pass a message of the engine to its hub; one that was on its way when its session closed goes nowhere."""
        if hub := self.hubs.get(session):
            hub.publish(message)

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
        decoder = await self.decoder(request.bundle)
        self.opened += 1
        session = f"s{self.opened}"
        about = {"stream": request.stream, **self.backend.about(decoder)}
        self.hubs[session] = Hub(session, about, self.settings, self.metrics)
        self.asked[session] = request
        try:
            query = self.backend.query(request.stream, request.markers)
            await asyncio.to_thread(self.engine.open, session, decoder, query)
        except BaseException:
            self.forget(session)
            raise
        return session

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
        await self.open(SessionRequest(stream=stream, markers=self.settings.markers, bundle=None))

    async def close(self, session: str) -> None:
        """Stop decoding and end the session's clients."""
        self.forget(session)  # first, so that a second request finds it gone
        await asyncio.to_thread(self.engine.close, session)

    async def stop(self) -> None:
        """End everything."""
        await asyncio.to_thread(self.engine.stop)
        for session in list(self.hubs):
            self.forget(session)

    def forget(self, session: str) -> None:
        """Drop the hub and end its clients."""
        if hub := self.hubs.pop(session, None):
            hub.close()
            del self.asked[session]

    def describe(self, hub: Hub) -> Session:
        """One session as GET /v1/sessions shows it."""
        asked = self.asked[hub.session]
        return Session(
            session=hub.session,
            stream=asked.stream,
            markers=asked.markers,
            bundle=hub.about["bundle"],
            seq=hub.events.last,
            clients=len(hub.events.readers),
            **hub.status,
        )
