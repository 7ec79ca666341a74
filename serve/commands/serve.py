"""`glimpse serve`: the server."""

import logging
import os
import sys

import tyro
from pydantic import TypeAdapter, ValidationError

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from serve.api.server import Server, listen
from serve.backend import realtime_backend
from serve.settings import Settings


def yes_or_no(value: str, variable: str) -> bool:
    """What an environment variable says; raises BadInput."""
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError:
        raise BadInput(f"{variable} is {value!r}: true or false is needed; set it so, or leave it out.") from None


def from_environment() -> list[str]:
    """The GLIMPSE_ variables as flags, so that a flag on the command line wins over them."""
    flags: list[str] = []
    for name, field in Settings.model_fields.items():
        value, flag = os.environ.get(f"GLIMPSE_{name.upper()}"), name.replace("_", "-")
        if value and field.annotation is bool:
            flags += [f"--{flag}" if yes_or_no(value, f"GLIMPSE_{name.upper()}") else f"--no-{flag}"]
        elif value:
            flags += [f"--{flag}", value]
    return flags


def main(argv: list[str]) -> int:
    """Serve until interrupted; raises what kept the server from starting."""
    settings = tyro.cli(Settings, args=[*from_environment(), *argv], prog="glimpse serve", config=TYRO_CONFIG)
    server = Server(settings, realtime_backend())
    listening, url = listen(settings)
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("glimpse").setLevel(logging.INFO)  # what happens to a stream is said here as on the page
    what = f"stream {settings.stream!r}" if settings.stream else "the only EEG or MEG stream in sight"
    server.greeting = f"Serving {settings.bundle} for {what}: open {url}"
    server.run([listening])
    if server.failed is not None:
        raise server.failed
    return 0
