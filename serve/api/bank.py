"""REST for the labels of a bundle."""

from typing import Annotated

from fastapi import APIRouter, Query

from serve.api.dependencies import Manager, get_session
from serve.protocol.rest import Bank

router = APIRouter()


@router.get("/v1/bank", summary="Labels a bundle chooses from")
async def bank(
    manager: Manager,
    session: Annotated[str | None, Query(description="left out: the bundle the server was started with")] = None,
) -> Bank:
    """The labels of a session's bundle, or of the server's."""
    if session:
        info = get_session(session, manager).hub.hello
        return Bank(bundle=info.bundle, labels=list(info.labels))
    default = manager.backend.info(await manager.decoder(None))
    return Bank(bundle=default.bundle, labels=list(default.labels))
