"""Which page of a browser a request comes from: any page may send one to this machine."""

from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import HTTPConnection


def is_foreign_origin(connection: HTTPConnection) -> bool:
    """Whether a page of another origin than this server's asks."""
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != connection.headers.get("host")


def same_origin(connection: HTTPConnection) -> None:
    """403 for a page from elsewhere; a browser sends a request without a body for it unasked, and hides the answer."""
    if is_foreign_origin(connection):
        raise HTTPException(403, "This page may not ask for that: its origin is not the server's.")
