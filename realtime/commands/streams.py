"""`glimpse streams`: the visible LSL streams."""

from dataclasses import dataclass

import tyro

from realtime.command_line import TYRO_CONFIG, make_table, table_console
from realtime.errors import BadInput
from realtime.sources.lsl.search import find_streams


@dataclass(frozen=True)
class Streams:
    """List the visible LSL streams."""

    wait_s: float = 1.0  # seconds to listen for answers; a slow network may need more


def main(argv: list[str]) -> int:
    """`glimpse streams [--wait-s 1]`: 0, or 1 if no stream answers."""
    options = tyro.cli(Streams, args=argv, prog="glimpse streams", config=TYRO_CONFIG)
    if not options.wait_s > 0:
        raise BadInput(f"--wait-s is {options.wait_s:g}, it must be above 0")
    rows = find_streams(options.wait_s)
    if not rows:
        print(f"No LSL stream answered within {options.wait_s:g} s; glimpse doctor says whether LSL works here.")
        return 1
    table = make_table("name", "type", "channels", "Hz", "format", "source_id", "host")
    for row in rows:
        rate = f"{row.sfreq:g}" if row.sfreq else "events"
        table.add_row(
            row.name, row.type, str(row.n_channels), rate, row.channel_format, row.source_id or "none", row.hostname
        )
    table_console().print(table)
    return 0
