"""The server as a process of its own, or in a thread of another program."""

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from realtime.errors import BadInput
from serve.api.app import create_app
from serve.backend import Backend
from serve.settings import Settings


class Server(uvicorn.Server):
    """A uvicorn server that stops at once when its initial session fails; `failed` is then the exception."""

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self.start_message = ""  # printed once the server has started
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
        """The exception that ended the initial session, if any."""
        return getattr(self.app.state, "failed", None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End once: a second Ctrl-C would skip the check of a recording, and the end is bounded in time."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, unless the initial session fails."""
        await super().startup(sockets)
        self.should_exit |= self.failed is not None
        if self.start_message and not self.should_exit:
            print(self.start_message, flush=True)


def listen(settings: Settings) -> tuple[socket.socket, str]:
    """A listening socket and the address of the page on it; raises BadInput where the port cannot be used."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        what, _, _ = (error.strerror or str(error)).partition(" (while")
        other = "port with --port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "address with --host"
        raise BadInput(
            f"Cannot listen on {settings.host} port {settings.port}: {what}; choose another {other}."
        ) from None
    # asyncio turns Nagle's algorithm off for sockets with the protocol number of TCP, which accepted sockets lack. With
    # it, a message after a ping waits 40 ms for the client's acknowledgement (measured). They inherit this option.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    return listening, f"http://{host}:{listening.getsockname()[1]}"


@contextmanager
def serving(settings: Settings, backend: Backend) -> Iterator[str]:
    """The server in a thread for as long as the block runs; yields its address. Raises the error of a failed start."""
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
