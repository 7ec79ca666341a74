"""The one place that touches mne-realtime, whose client speaks the FieldTrip buffer's protocol."""

import socket
import warnings
from typing import Any

from realtime.errors import BadInput

ANSWER_S = 2.0  # a buffer on the lab's network answers in milliseconds; one that hangs is lost after this


def open_client(host: str, port: int, name: str, wait_s: float) -> Any:
    """A connected `Client` of mne-realtime; its calls raise OSError once the connection is broken.

    `BadInput` where mne-realtime is not installed or nothing answers within `wait_s` seconds.
    """
    with warnings.catch_warnings():
        # mne-realtime is discontinued, and says so at import; its protocol client is complete and does not age.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            from mne_realtime.externals.FieldTrip import Client
        except ImportError as error:
            raise BadInput(
                f"{name}: reading a FieldTrip buffer needs mne-realtime ({error}); pip install 'glimpse-bci[meg]'"
            ) from error
    try:
        plain = socket.create_connection((host, port), timeout=wait_s)
    except OSError as error:
        raise BadInput(
            f"{name}: no FieldTrip buffer answers ({error}); start the acquisition or correct host and port"
        ) from error
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = Client()
    client.sock, client.isConnected = _Socket(fileno=plain.detach()), True
    client.sock.settimeout(ANSWER_S)
    return client


class _Socket(socket.socket):
    """Receives all it is asked for, or raises: the library asks again and again, for ever once nobody is there."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        data, got = bytearray(size), 0
        while got < size:
            n = self.recv_into(memoryview(data)[got:], size - got, flags)
            if n == 0:
                raise ConnectionError("the buffer closed the connection")
            got += n
        return bytes(data)
