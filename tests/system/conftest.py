"""The fault table: every test of a fault adds its row; `make reliability` writes them into docs/reliability.md."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serve.api.server import serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND

BEGIN, END = "<!-- faults -->", "<!-- end of faults -->"
ROWS: list[tuple[str, ...]] = []

Row = Callable[..., None]


@pytest.fixture
def row() -> Row:
    """Add what was seen of a fault: seconds to notice and to recover, None where that means nothing."""

    def add(fault: str, seen: str, notice_s: float | None, recover_s: float | None, lost: int | str) -> None:
        seconds = ["-" if s is None else f"{s:.2f}" for s in (notice_s, recover_s)]
        ROWS.append((fault, seen, *seconds, str(lost)))

    return add


@pytest.fixture(scope="session", autouse=True)
def table() -> Iterator[None]:
    """Write the table at the end, where GLIMPSE_RELIABILITY names the file."""
    yield
    if ROWS and (path := os.environ.get("GLIMPSE_RELIABILITY")):
        head = ("fault", "what was seen", "to notice, s", "to recover, s", "decisions lost")
        lines = [" | ".join(cells) for cells in (head, ("---",) * len(head), *ROWS)]
        text = Path(path).read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        rows = "\n".join(f"| {line} |" for line in lines)
        Path(path).write_text(f"{before}{BEGIN}\n\n{rows}\n\n{END}{after}", encoding="utf-8")


@pytest.fixture
def server(tmp_path):
    """The address of a running server that decodes one made-up stream."""
    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0, fresh_s=0.5), BACKEND) as url:
        yield url
