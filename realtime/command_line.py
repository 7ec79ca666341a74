"""What every command shares: how arguments and help look, and how tables are printed."""

from rich.console import Console
from rich.table import Table
from tyro.conf import DisallowNone, PositionalMetavarFromFieldName

# What is left out is left out: nobody has to read that `None` could be given, too. A positional goes by its name.
TYRO_CONFIG = (DisallowNone, PositionalMetavarFromFieldName)


UNBROKEN = 10_000  # columns: a row is one line, for grep and for whoever reads it in a report


def table_console() -> Console:
    """A console on standard output that takes text as it is: no brackets for markup, no colours by guess."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = UNBROKEN
    return console


def make_table(*columns: str) -> Table:
    """A table in which nothing is cut off: rich would end a word longer than its column, as a source_id is, with ..."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
