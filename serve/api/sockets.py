"""The two WebSockets of a session: messages as JSON, traces as binary frames; knows no engine."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Query, Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from serve.security.origin import is_foreign_origin
from serve.sessions.hub import Hub, reading
from serve.sessions.manager import SessionManager


async def admitted(websocket: WebSocket, sessions: SessionManager, session: str) -> Hub | None:
    """The hub of a session whose client has been let in; a handshake that cannot be accepted is answered and None.

    Browsers let any page open a WebSocket to this machine, so one from another origin is turned away: it could read
    a person's brain signal otherwise. The hub is taken before the handshake ends: the session may close meanwhile.
    """
    hub = sessions.hub(session)
    if is_foreign_origin(websocket):
        await websocket.send_denial_response(Response("This page may not listen: its origin is not the server's.", 403))
        return None
    if hub is None:
        await websocket.send_denial_response(Response(f"No session {session!r}: GET /v1/sessions lists them.", 404))
        return None
    await websocket.accept()
    return hub


async def send_until_closed(websocket: WebSocket, items: AsyncIterator[str] | AsyncIterator[bytes]) -> None:
    """Send `items` until they end or the client goes; what the client says is read and ignored."""

    async def send() -> None:
        async for item in items:
            if isinstance(item, str):
                await websocket.send_text(item)
            else:
                await websocket.send_bytes(item)
        await websocket.close(1001, "the session was closed")

    sending = asyncio.create_task(send())
    try:
        while websocket.client_state is not WebSocketState.DISCONNECTED:
            await websocket.receive()
    finally:
        sending.cancel()
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        await items.aclose()  # type: ignore[union-attr]
    if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect):
        raise ended


async def frames(hub: Hub, reader: Any) -> AsyncIterator[bytes]:
    """The frames a client is in time for; a jump of `seq` in their headers tells of those it was not."""
    async for taken in reader:
        yield taken.item


def add_sockets(app: FastAPI) -> None:
    """Add both WebSockets to the app."""

    @app.websocket("/v1/sessions/{session}/events")
    async def events(
        websocket: WebSocket,
        session: str,
        after: int | None = Query(None, ge=0),
        embedding: bool = False,
        scores: bool = False,
    ) -> None:
        sessions: SessionManager = app.state.sessions
        arrays = ("p",) * scores + ("embedding",) * embedding
        if (hub := await admitted(websocket, sessions, session)) is None:
            return
        with reading(hub.events, after) as reader, hub.clients.track_inprogress():
            await send_until_closed(websocket, hub.texts(reader, arrays))

    @app.websocket("/v1/sessions/{session}/signal")
    async def signal(websocket: WebSocket, session: str) -> None:
        if (hub := await admitted(websocket, app.state.sessions, session)) is None:
            return
        with reading(hub.signal) as reader:
            await send_until_closed(websocket, frames(hub, reader))
