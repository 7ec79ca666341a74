"""Pieces of a page: a section, a table, a block that opens on a click. Titles and cells are escaped."""

from collections.abc import Sequence
from html import escape


def section(title: str, text: str, content: str, wide: bool = False) -> str:
    """A section with a heading, a line of text where there is one, and HTML `content`."""
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(title)}</h2>{f'<p>{escape(text)}</p>' if text else ''}{content}</section>"


def collapsible(summary: str, content: str) -> str:
    """HTML `content` that is hidden until a reader opens it."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table that scrolls sideways where it does not fit."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
