"""REST for the LSL streams that could be decoded."""

import asyncio

from fastapi import APIRouter

from serve.api.dependencies import Manager
from serve.protocol.rest import Stream

router = APIRouter()


@router.get("/v1/streams", summary="LSL streams")
async def streams(manager: Manager) -> list[Stream]:
    """Every LSL stream that this machine finds."""
    rows = await asyncio.to_thread(manager.backend.streams)
    return [Stream.model_validate(row, from_attributes=True) for row in rows]
