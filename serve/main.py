"""`glimpse serve`, and the same server in a thread for whoever needs one beside other work."""

import errno
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import tyro
import uvicorn
from pydantic import TypeAdapter, ValidationError

from realtime.arguments import HELP
from realtime.errors import BadInput
from serve.app import create_app
from serve.backend import Backend, realtime_backend
from serve.settings import Settings


class Server(uvicorn.Server):
    """uvicorn that stops at once when its first session cannot be opened; `failed` then says why."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.greeting = ""  # printed once the server has started
        self.app = create_app(settings, backend)
        super().__init__(
            uvicorn.Config(
                self.app,
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # messages of 600 bytes: compressing costs more time than it saves
                log_level="warning",
                timeout_graceful_shutdown=2,
            )
        )

    @property
    def failed(self) -> Exception | None:
        """Why the first session could not be opened."""
        return getattr(self.app.state, "failed", None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, once: a second Ctrl-C would leave a recording unread, and the end is bounded in time anyway."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, or not."""
        await super().startup(sockets)
        self.should_exit |= self.failed is not None
        if self.greeting and not self.should_exit:
            print(self.greeting, flush=True)


def listen(settings: Settings) -> tuple[socket.socket, str]:
    """A listening socket and the address of the page on it; raises BadInput when the port cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        what, _, _ = (error.strerror or str(error)).partition(" (while")
        other = "port with --port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "address with --host"
        raise BadInput(
            f"Cannot listen on {settings.host} port {settings.port}: {what}; choose another {other}."
        ) from None
    # asyncio knows accepted sockets for TCP by a protocol number that these lack, and leaves Nagle's algorithm on: what
    # follows a ping waits 40 ms for the client's acknowledgement (measured). They inherit this instead.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    return listening, f"http://{host}:{listening.getsockname()[1]}"


@contextmanager
def serving(settings: Settings, backend: Backend) -> Iterator[str]:
    """The server in a thread for as long as the block runs; gives its address. Raises what kept it from starting."""
    server = Server(settings, backend)
    listening, url = listen(settings)
    thread = threading.Thread(target=server.run, args=([listening],), name="serve")
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.005)
        if server.failed is not None:
            raise server.failed
        yield url
    finally:
        server.should_exit = True
        thread.join()


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
    settings = tyro.cli(Settings, args=[*from_environment(), *argv], prog="glimpse serve", config=HELP)
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
