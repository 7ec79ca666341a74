"""What every command shares: the look of arguments and help, tables, the default port, the place of shipped data."""

from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tyro.conf import DisallowNone, PositionalMetavarFromFieldName

# An optional argument is left out rather than given as `None`, and help shows a positional argument by its name.
TYRO_CONFIG = (DisallowNone, PositionalMetavarFromFieldName)

DEFAULT_PORT = 8765  # of the server
MAX_COLUMNS = 10_000  # outside a terminal a row is one line, for grep and for reports


def table_console() -> Console:
    """Return a console on standard output that prints text as it is: no markup in brackets, no guessed colours."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = MAX_COLUMNS
    return console


def make_table(*columns: str) -> Table:
    """Return a table that folds long words, such as a source_id. By default rich cuts them off."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def shipped_folder(name: str) -> Path:
    """Return the folder of `datasets` or `bundles` that ships with Glimpse.

    An installed distribution has it inside the package `glimpse`, a clone at its root.
    """
    package = Path(str(files("glimpse")))
    installed = package / name
    return installed if installed.is_dir() else package.parent / name
