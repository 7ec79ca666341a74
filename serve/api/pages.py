"""The page, the page of the REST interface, and the files that both load."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

STATIC = Path(__file__).parents[1] / "static"
# The pages load nothing from other servers; the browser enforces it.
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:", "Cache-Control": "no-cache"}


class PageFiles(StaticFiles):
    """The page's files, which a browser checks before it uses a copy: old modules do not fit a newer page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 where the browser's copy is the same."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


router = APIRouter(include_in_schema=False)
static_files = PageFiles(directory=STATIC)


@router.get("/")
async def page() -> FileResponse:
    """The page of the live decisions."""
    return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)


@router.get("/docs")
async def docs() -> FileResponse:
    """The page of the REST interface."""
    return FileResponse(STATIC / "docs.html", headers=PAGE_HEADERS)
