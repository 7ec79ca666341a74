"""REST routes that pause, save, load and swap: a session moves to another process, or gets another bundle."""

from fastapi import APIRouter, HTTPException, Request, Response

from serve.api.dependencies import SAME_ORIGIN, Manager, OpenSession
from serve.protocol.rest import BundleRequest, Session

router = APIRouter(prefix="/v1/sessions/{session}", dependencies=[SAME_ORIGIN])


@router.post("/pause", summary="Stop decoding a stream for a while")
async def pause(running: OpenSession, manager: Manager) -> Session:
    """Pause; does nothing where the session is paused."""
    await manager.pause(running.hub.session, True)
    return running.summary()


@router.post("/resume", summary="Go on decoding it")
async def resume(running: OpenSession, manager: Manager) -> Session:
    """Resume; does nothing where the session is not paused."""
    await manager.pause(running.hub.session, False)
    return running.summary()


@router.get("/state", summary="What a session knows of its stream", response_class=Response)
async def save(running: OpenSession, manager: Manager) -> Response:
    """The state of a session as bytes."""
    return Response(await manager.save(running.hub.session), media_type="application/octet-stream")


@router.put("/state", status_code=204, summary="Let a paused session go on from there")
async def load(running: OpenSession, manager: Manager, request: Request) -> None:
    """Continue from a saved state; 409 where the session is not paused."""
    session = running.hub.session
    if not await manager.load(session, await request.body()):
        raise HTTPException(409, f"Session {session!r} is decoding: pause it first.")


@router.post("/bundle", summary="Decode with another bundle from the next hop on")
async def swap(running: OpenSession, manager: Manager, request: BundleRequest) -> Session:
    """Swap the bundle; 400 where it does not fit."""
    await manager.swap(running.hub.session, request.bundle)
    return running.summary()
