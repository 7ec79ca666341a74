"""The body of every error answer, `{"detail": a sentence}`; for a malformed request the detail is FastAPI's list."""

from dataclasses import asdict, dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from realtime.errors import BadInput


@dataclass(frozen=True)
class Problem:
    """Why a request was refused."""

    detail: str


def add_problem_handlers(app: FastAPI) -> None:
    """Answer BadInput with 400 and HTTPException with its own status, both as a Problem."""

    @app.exception_handler(BadInput)
    async def bad_input(request: Request, error: BadInput) -> JSONResponse:
        return JSONResponse(asdict(Problem(str(error))), 400)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(asdict(Problem(error.detail)), error.status_code, error.headers)
