"""What routes and sockets get from the app: its open sessions, and the one that the path names."""

from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from serve.security.origin import same_origin
from serve.sessions.manager import SessionManager
from serve.sessions.running import RunningSession


def get_manager(connection: HTTPConnection) -> SessionManager:
    """The open sessions of the app."""
    manager: SessionManager = connection.app.state.sessions
    return manager


Manager = Annotated[SessionManager, Depends(get_manager)]


def no_session(session: str) -> str:
    """The sentence for a session that does not exist."""
    return f"No session {session!r}: GET /v1/sessions lists them."


def get_session(session: str, manager: Manager) -> RunningSession:
    """The open session of that name, else 404."""
    if session not in manager.running:
        raise HTTPException(404, no_session(session))
    return manager.running[session]


OpenSession = Annotated[RunningSession, Depends(get_session)]
SAME_ORIGIN = Depends(same_origin)
