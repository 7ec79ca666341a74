"""Whether the server is alive and has fresh samples, and its metrics."""

import time

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serve.api.dependencies import Manager

router = APIRouter()


@router.get("/healthz", summary="Is the process alive")
async def healthz() -> dict[str, str]:
    """Always 200."""
    return {"status": "ok"}


@router.get("/readyz", summary="Does every session have fresh samples")
async def readyz(manager: Manager) -> JSONResponse:
    """200 where there is a session and every one has had samples in the last `fresh_s` seconds, else 503."""
    oldest = time.monotonic() - manager.settings.fresh_s
    fresh = {name: running.hub.last_samples > oldest for name, running in manager.running.items()}
    ready = bool(fresh) and all(fresh.values())
    return JSONResponse({"ready": ready, "fresh": fresh}, 200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(manager: Manager) -> Response:
    """The metrics as text."""
    return Response(generate_latest(manager.metrics.registry), media_type=CONTENT_TYPE_LATEST)
