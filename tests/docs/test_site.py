"""The site of `make docs`: strict, searchable, with the API from docstrings, and complete without a network."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built by a strict run: a dead link or anchor, or a page outside the navigation, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=250)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def index(site) -> dict[str, str]:
    """Text of the search index by location."""
    entries = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    return {entry["location"]: entry["text"] for entry in entries}


def test_search_finds_every_page_and_text_of_the_root(index):
    pages = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert pages | {"index.html", "contributing.html", "changelog.html"} <= index.keys()


def test_search_finds_public_names_and_modules_with_their_docstrings(index):
    import glimpse

    for name in glimpse.__all__:
        first = (getattr(glimpse, name).__doc__ or "").splitlines()[0].split("`")[0].strip()
        assert first[:40] in re.sub(r"<[^>]+>", "", index[f"library.html#glimpse.{name}"]).replace("&#39;", "'")
    assert "reference/decoder/networks.html#decoder.networks.riemann" in index
    assert "reference/serve/sessions.html#serve.sessions.hub" in index


def test_no_page_loads_anything_from_another_host(site):
    loaded = re.compile(r"<(?:script|img|iframe)[^>]+src=\"?https?:|<link[^>]+href=\"?https?:|url\(\"?https?:")
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert files
    assert [path.name for path in files if loaded.search(path.read_text(encoding="utf-8"))] == []
