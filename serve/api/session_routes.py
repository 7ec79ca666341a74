"""REST for sessions: list, open, show, close."""

from fastapi import APIRouter

from serve.api.dependencies import SAME_ORIGIN, Manager, OpenSession
from serve.protocol.rest import Session, SessionRequest

router = APIRouter(prefix="/v1/sessions")


@router.get("", summary="Streams being decoded")
async def sessions(manager: Manager) -> list[Session]:
    """Every open session."""
    return [running.summary() for running in manager.running.values()]


@router.post("", status_code=201, dependencies=[SAME_ORIGIN], summary="Decode a stream")
async def open_session(request: SessionRequest, manager: Manager) -> Session:
    """Open a session; whether its stream is there shows in its status."""
    running = await manager.open(request)
    return running.summary()


@router.get("/{session}", summary="One session")
async def one_session(running: OpenSession) -> Session:
    """One open session."""
    return running.summary()


@router.delete("/{session}", status_code=204, dependencies=[SAME_ORIGIN], summary="Stop decoding a stream")
async def close_session(running: OpenSession, manager: Manager) -> None:
    """Close a session, its clients and its outputs."""
    await manager.close(running.hub.session)
