"""The page, the page of the REST interface, and the files that both load."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parents[1] / "static"
# The pages load nothing from other servers; the browser enforces it.
PAGE_HEADERS = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:", "Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)
static_files = StaticFiles(directory=STATIC)


@router.get("/")
async def page() -> FileResponse:
    """The page of the live decisions."""
    return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)


@router.get("/docs")
async def docs() -> FileResponse:
    """The page of the REST interface."""
    return FileResponse(STATIC / "docs.html", headers=PAGE_HEADERS)
