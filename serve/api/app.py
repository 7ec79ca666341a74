"""The web server: which routes, WebSockets, pages and checks of requests it has, and how it starts and stops."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware

from serve.api import bank, health, pages, session_control, session_routes, sockets, streams
from serve.api.problems import add_problem_handlers
from serve.backend import Backend
from serve.metrics import Metrics
from serve.security.body_limit import BodyLimit
from serve.sessions.manager import SessionManager
from serve.sessions.output_factory import OutputFactory
from serve.settings import Settings

LOOPBACK = ["localhost", "127.0.0.1", "::1", "[::1]"]


def create_app(settings: Settings, backend: Backend) -> FastAPI:
    """The application; its engine starts and stops with it.

    Meanwhile `app.state.sessions` is the SessionManager. When the initial session fails,
    `app.state.failed` is the exception, and the caller has to stop the server. Raises BadInput where the settings
    cannot be met.
    """
    output_factory = OutputFactory(settings, backend, Metrics())
    app = FastAPI(
        title="Glimpse",
        version="1",
        lifespan=lambda app: run_sessions(app, settings, backend, output_factory),
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit)
    # A page of another server may let its own name point to this machine, and is then of the same origin.
    if settings.host in LOOPBACK:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK, www_redirect=False)
    add_problem_handlers(app)
    for routes in (streams, session_routes, session_control, bank, health, pages, sockets):
        app.include_router(routes.router)
    app.mount("/static", pages.static_files, name="static")
    return app


@asynccontextmanager
async def run_sessions(
    app: FastAPI, settings: Settings, backend: Backend, output_factory: OutputFactory
) -> AsyncIterator[None]:
    """Open the initial session, and end every session after the block."""
    manager = app.state.sessions = SessionManager(settings, backend, output_factory)
    try:
        try:
            await manager.open_initial_session()
        except Exception as error:  # raised from here, uvicorn would log it and the caller would not get it
            app.state.failed = error
        # A full collection walks all imported modules and delays every decision: 71 ms, measured.
        gc.collect()
        gc.freeze()
        yield
    finally:
        await manager.stop()
        gc.unfreeze()
