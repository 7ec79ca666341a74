"""`glimpse bench`: figures of this machine, each by a file of its own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from realtime.errors import check_folder_of

console = Console(highlight=False)


@dataclass(frozen=True)
class BenchCommand:
    """Measure this machine."""

    what: tyro.conf.Positional[Literal["latency"]]  # latency: sample pushed -> decision at a WebSocket client
    seconds: float = 60.0
    bundle: Path | None = None  # default: the demo bundle, 64 channels at 250 Hz
    json: Path | None = None  # write the figures here


def main(argv: list[str]) -> int:
    """Run `glimpse bench`."""
    command = tyro.cli(Annotated[BenchCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse bench")
    from benchmarks.latency import latency

    check_folder_of(command.json, "--json")

    found = latency(command.seconds, command.bundle)
    console.print_json(json.dumps(found))
    if command.json:
        command.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
