"""`glimpse serve`: the server."""

import logging
import sys
from pathlib import Path

import tyro
from pydantic_settings import EnvSettingsSource

from realtime.command_line import TYRO_CONFIG
from serve.api.server import Server, listen
from serve.backend import realtime_backend
from serve.settings import Settings


def parse_settings(argv: list[str]) -> Settings:
    """The settings of the flags; a flag that is left out is as its variable, else as its default.

    Raises BadInput where a variable cannot be used.
    """
    variables = EnvSettingsSource(Settings)()
    defaults = Settings(bundle=variables.get("bundle", Path()))
    if "bundle" not in variables:
        defaults = defaults.model_copy(update={"bundle": tyro.MISSING})
    return tyro.cli(Settings, default=defaults, args=argv, prog="glimpse serve", config=TYRO_CONFIG)


def main(argv: list[str]) -> int:
    """Serve until interrupted; raises the error that kept the server from starting."""
    settings = parse_settings(argv)
    server = Server(settings, realtime_backend())
    listening, url = listen(settings)
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("glimpse").setLevel(logging.INFO)  # statuses of the sessions, as on the page
    what = f"stream {settings.stream!r}" if settings.stream else "the only EEG or MEG stream"
    server.start_message = f"Serving {settings.bundle} for {what}: open {url}"
    server.run([listening])
    if server.failed is not None:
        raise server.failed
    return 0
