"""The client of mne-realtime for the FieldTrip buffer's protocol; no other file uses that library."""

import socket
import warnings
from typing import Any

from realtime.errors import BadInput

ANSWER_S = 2.0  # a buffer on the lab's network answers in milliseconds; after this time it is lost


def open_client(host: str, port: int, name: str, wait_s: float) -> Any:
    """A connected `Client` of mne-realtime; its calls raise OSError once the connection is broken.

    `BadInput` where mne-realtime is not installed or nothing answers within `wait_s` seconds.
    """
    with warnings.catch_warnings():
        # mne-realtime is discontinued and warns at import; its protocol client is complete.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            from mne_realtime.externals.FieldTrip import Client
        except ImportError as error:
            raise BadInput(
                f"{name}: reading a FieldTrip buffer needs mne-realtime ({error}); pip install 'glimpse-bci[meg]'"
            ) from error
    try:
        connection = socket.create_connection((host, port), timeout=wait_s)
    except OSError as error:
        raise BadInput(
            f"{name}: no FieldTrip buffer answers ({error}); start the acquisition or correct host and port"
        ) from error
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = Client()
    client.sock, client.isConnected = _Socket(fileno=connection.detach()), True
    client.sock.settimeout(ANSWER_S)
    return client


class _Socket(socket.socket):
    """Receives as many bytes as requested, or raises: the library would retry for ever after a disconnection."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, received = bytearray(size), 0
        while received < size:
            n = self.recv_into(memoryview(data)[received:], size - received, flags)
            if n == 0:
                raise ConnectionError("the buffer ended the connection")
            received += n
        return bytes(data)
