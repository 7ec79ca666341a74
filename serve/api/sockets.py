"""The two WebSockets of a session: messages as JSON, traces as binary frames."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query, Response, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from serve.api.dependencies import Manager, no_session
from serve.security.origin import is_foreign_origin
from serve.sessions.hub import Hub, reading
from serve.sessions.manager import SessionManager
from serve.sessions.message_ring import RingReader

router = APIRouter(prefix="/v1/sessions/{session}")


@router.websocket("/events")
async def events(
    websocket: WebSocket,
    session: str,
    manager: Manager,
    after: Annotated[int | None, Query(ge=0)] = None,
    embedding: bool = False,
    scores: bool = False,
) -> None:
    """JSON messages, those after number `after` first; decisions with arrays where requested."""
    arrays = ("p",) * scores + ("embedding",) * embedding
    if (hub := await accept_client(websocket, manager, session)) is None:
        return
    with reading(hub.events, after) as reader, hub.clients.track_inprogress():
        await send_until_closed(websocket, hub.texts(reader, arrays))


@router.websocket("/signal")
async def signal(websocket: WebSocket, session: str, manager: Manager) -> None:
    """Binary frames of the traces."""
    if (hub := await accept_client(websocket, manager, session)) is None:
        return
    with reading(hub.signal) as reader:
        await send_until_closed(websocket, frames(reader))


async def accept_client(websocket: WebSocket, manager: SessionManager, session: str) -> Hub | None:
    """The hub of a session whose client has been accepted, or None after the handshake has been refused.

    Browsers let any page open a WebSocket to this machine. A page of another origin is refused: it could read a
    person's brain signal otherwise. The hub is looked up before the handshake ends: the session may close meanwhile.
    """
    hub = manager.hub(session)
    if is_foreign_origin(websocket):
        await websocket.send_denial_response(Response("This page may not listen: its origin is not the server's.", 403))
        return None
    if hub is None:
        await websocket.send_denial_response(Response(no_session(session), 404))
        return None
    await websocket.accept()
    return hub


async def send_until_closed(
    websocket: WebSocket, items: AsyncGenerator[str, None] | AsyncGenerator[bytes, None]
) -> None:
    """Send `items` until they end or the client leaves; messages of the client are read and ignored."""

    async def send() -> None:
        async for item in items:
            if isinstance(item, str):
                await websocket.send_text(item)
            else:
                await websocket.send_bytes(item)
        await websocket.close(1001, "the session has ended")

    sending = asyncio.create_task(send())
    try:
        while websocket.client_state is not WebSocketState.DISCONNECTED:
            await websocket.receive()
    finally:
        sending.cancel()
        (ended,) = await asyncio.gather(sending, return_exceptions=True)
        await items.aclose()
    if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect):
        raise ended


async def frames(reader: RingReader[bytes]) -> AsyncGenerator[bytes, None]:
    """The frames that a client is in time for; a jump of `seq` in their headers shows which it missed."""
    async for message in reader:
        yield message.item
