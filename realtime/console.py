"""Where tables are printed: as wide as the terminal, and unbroken into a pipe or a file."""

from rich.console import Console
from rich.table import Table

UNBROKEN = 10_000  # columns: a row is one line, for grep and for whoever reads it in a report


def table_console() -> Console:
    """A console on standard output that takes text as it is: no brackets for markup, no colours by guess."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = UNBROKEN
    return console


def table_of(*columns: str) -> Table:
    """A table in which nothing is cut off: rich would end a word longer than its column, as a source_id is, with ..."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
