"""A limit on the length of request bodies, so that none fills the memory; a saved session may be longer."""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUEST = 64 * 2**10  # bytes of a request: many times the longest request for a session
MAX_STATE = 64 * 2**20  # bytes of a session's state: many times that of any bundle


class BodyLimit:
    """ASGI middleware that adds up the bytes of a body as they arrive, whatever its header says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """413 for a body that is too long."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit, n_bytes = MAX_STATE if scope["path"].endswith("/state") else MAX_REQUEST, 0

        async def receive_limited() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit:
                raise HTTPException(413, f"More than {limit} bytes found, a shorter body is needed; send less.")
            return message

        await self.app(scope, receive_limited, send)
