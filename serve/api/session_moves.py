"""REST for sessions that are paused, moved to another process, or given another bundle."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response

from serve.protocol.rest import BundleRequest, Session
from serve.security.origin import same_origin
from serve.sessions.manager import SessionManager
from serve.sessions.running import RunningSession


def add_moves(app: FastAPI, find: Callable[[str], RunningSession]) -> None:
    """Add the routes to the app; `find` raises where there is no such session."""

    moves = APIRouter(dependencies=[Depends(same_origin)])

    def sessions() -> SessionManager:
        found: SessionManager = app.state.sessions
        return found

    @moves.post("/v1/sessions/{session}/pause", summary="Stop decoding a stream for a while")
    async def pause(session: str) -> Session:
        find(session)
        await sessions().pause(session, True)
        return find(session).describe()

    @moves.post("/v1/sessions/{session}/resume", summary="Go on decoding it")
    async def resume(session: str) -> Session:
        find(session)
        await sessions().pause(session, False)
        return find(session).describe()

    @moves.get("/v1/sessions/{session}/state", summary="What a session knows of its stream", response_class=Response)
    async def save(session: str) -> Response:
        find(session)
        return Response(await sessions().save(session), media_type="application/octet-stream")

    @moves.put("/v1/sessions/{session}/state", status_code=204, summary="Let a paused session go on from there")
    async def load(session: str, request: Request) -> None:
        find(session)
        if not await sessions().load(session, await request.body()):
            raise HTTPException(409, f"Session {session!r} is decoding: pause it first.")

    @moves.post("/v1/sessions/{session}/bundle", summary="Decode with another bundle from the next hop on")
    async def swap(session: str, request: BundleRequest) -> Session:
        find(session)
        await sessions().swap(session, request.bundle)
        return find(session).describe()

    app.include_router(moves)
