"""The web server: REST under /v1, two WebSockets, health, metrics and the page; knows no LSL and no network weights."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from realtime.errors import BadInput
from serve.api.session_moves import add_moves
from serve.api.sockets import add_sockets
from serve.backend import Backend
from serve.metrics import Metrics
from serve.protocol.rest import Bank, Session, SessionRequest, Stream
from serve.security.body_limit import BodyLimit
from serve.security.origin import same_origin
from serve.sessions.manager import SessionManager
from serve.sessions.output_factory import OutputFactory
from serve.sessions.running import RunningSession
from serve.settings import Settings

STATIC = Path(__file__).parents[1] / "static"
LOOPBACK = ["localhost", "127.0.0.1", "::1", "[::1]"]
# The pages load nothing from elsewhere, and a browser holds them to it.
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:", "Cache-Control": "no-cache"}


def create_app(settings: Settings, backend: Backend) -> FastAPI:
    """The application; its engine starts and stops with it.

    Meanwhile `app.state.sessions` holds the open sessions. When the session of the settings cannot be opened,
    `app.state.failed` says why and the caller has to stop the server. Raises BadInput where the settings cannot be met.
    """
    ways_out = OutputFactory(settings, backend, Metrics())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.sessions = SessionManager(settings, backend, ways_out)
        try:
            try:
                await app.state.sessions.open_initial_session()
            except Exception as error:  # raised from here uvicorn would log it and nobody could tell the caller
                app.state.failed = error
            # A full collection walks all that was imported, and no decision leaves meanwhile: 71 ms, timed.
            gc.collect()
            gc.freeze()
            yield
        finally:
            await app.state.sessions.stop()
            gc.unfreeze()

    app = FastAPI(title="Glimpse", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit)
    if settings.host in LOOPBACK:  # a page elsewhere may give its own name this machine's address, and be same-origin
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK, www_redirect=False)

    def find(session: str) -> RunningSession:
        if session not in app.state.sessions.running:
            raise HTTPException(404, f"No session {session!r}: GET /v1/sessions lists them.")
        running: RunningSession = app.state.sessions.running[session]
        return running

    @app.exception_handler(BadInput)
    async def bad_input(request: Request, error: BadInput) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 400)

    @app.get("/v1/streams", summary="LSL streams in sight")
    async def streams() -> list[Stream]:
        rows = await asyncio.to_thread(backend.streams)
        return [Stream.model_validate(row, from_attributes=True) for row in rows]

    @app.get("/v1/sessions", summary="Streams being decoded")
    async def sessions() -> list[Session]:
        return [running.describe() for running in app.state.sessions.running.values()]

    @app.post("/v1/sessions", status_code=201, dependencies=[Depends(same_origin)], summary="Decode a stream")
    async def open_session(request: SessionRequest) -> Session:
        return find(await app.state.sessions.open(request)).describe()

    @app.get("/v1/sessions/{session}", summary="One session")
    async def one_session(session: str) -> Session:
        return find(session).describe()

    @app.delete(
        "/v1/sessions/{session}", status_code=204, dependencies=[Depends(same_origin)], summary="Stop decoding a stream"
    )
    async def close_session(session: str) -> None:
        find(session)
        await app.state.sessions.close(session)

    @app.get("/v1/bank", summary="Labels a bundle chooses from")
    async def bank(
        session: str | None = Query(None, description="left out: the bundle the server was started with"),
    ) -> Bank:
        info = find(session).hub.hello if session else backend.info(await app.state.sessions.decoder(None))
        return Bank(bundle=info.bundle, labels=list(info.labels))

    @app.get("/healthz", summary="Is the process alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Does every session have fresh samples")
    async def readyz() -> JSONResponse:
        now = time.monotonic()
        running = app.state.sessions.running.items()
        fresh = {name: now - each.hub.last_samples < settings.fresh_s for name, each in running}
        ready = bool(fresh) and all(fresh.values())
        return JSONResponse({"ready": ready, "fresh": fresh}, 200 if ready else 503)

    @app.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(app.state.sessions.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(STATIC / "docs.html", headers=PAGE_HEADERS)

    add_moves(app, find)
    add_sockets(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
