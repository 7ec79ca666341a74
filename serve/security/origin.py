"""Whether a request of a browser comes from a page of this server: any page may send requests to this machine."""

from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.requests import HTTPConnection


def is_foreign_origin(connection: HTTPConnection) -> bool:
    """Whether the request comes from a page of another origin than this server's."""
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != connection.headers.get("host")


def same_origin(connection: HTTPConnection) -> None:
    """403 for a page of another origin. Otherwise a browser would send the request and only hide the answer."""
    if is_foreign_origin(connection):
        raise HTTPException(403, "This page may not ask for that: its origin is not the server's.")
