"""A FieldTrip buffer for tests: a ring of samples and one of events behind the protocol's requests.

It keeps to what the reference implementation does (dmarequest.c): WAIT_DAT waits for MORE samples than asked and is
woken by samples only, a request for anything overwritten is refused as a whole, a new header empties the buffer.
"""

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Sequence

import mne
import numpy as np

GET_HDR, GET_DAT, GET_EVT, WAIT_DAT = 0x201, 0x202, 0x203, 0x402
GET_OK, GET_ERR, WAIT_OK, WAIT_ERR = 0x204, 0x205, 0x404, 0x405
TYPES = {"uint8": 1, "int16": 6, "int32": 7, "float32": 9, "float64": 10}
N_EVENTS = 100  # the reference's ring


class FieldTripServer:
    """Serves what `begin`, `put` and `event` are given; `port` 0 takes a free one."""

    def __init__(self, port: int = 0):
        self.changed = threading.Condition()
        self.header: tuple | None = None
        self.n_samples, self.events = 0, []
        self.hang_s = 0.0  # before every answer
        self._connections: set[socket.socket] = set()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._connections.add(self.request)
                try:
                    outer._serve(self.request)
                except OSError:
                    pass  # the client has gone, or we were killed

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"fieldtrip://127.0.0.1:{self.port}"

    def begin(
        self,
        n_channels: int,
        sfreq: float,
        labels: Sequence[str] = (),
        dtype: str = "float32",
        ring: int = 10_000,
        chunks: Sequence[tuple[int, bytes]] = (),
    ) -> None:
        """A new header: an acquisition starts, and whatever was there is gone."""
        if labels:
            chunks = [(1, b"".join(label.encode() + b"\0" for label in labels)), *chunks]
        extra = b"".join(struct.pack("II", kind, len(data)) + data for kind, data in chunks)
        with self.changed:
            self.header = (n_channels, sfreq, TYPES.get(dtype, 0), extra)
            self.ring = np.zeros((ring, n_channels), dtype if dtype in TYPES else "float32")
            self.n_samples, self.events = 0, []

    def put(self, samples: np.ndarray) -> None:
        """Samples (n_times, n_channels) of the header's type."""
        with self.changed:
            self.ring[(self.n_samples + np.arange(len(samples))) % len(self.ring)] = samples
            self.n_samples += len(samples)
            self.changed.notify_all()

    def event(self, kind: str, value: str | int | float, sample: int) -> None:
        """An event at a sample, counted from the header on."""
        raw = value.encode() if isinstance(value, str) else struct.pack("i" if isinstance(value, int) else "d", value)
        of_value = (0, len(raw)) if isinstance(value, str) else (7 if isinstance(value, int) else 10, 1)
        named = kind.encode()
        fixed = struct.pack("IIIIIiiI", 0, len(named), *of_value, sample, 0, 0, len(named) + len(raw))
        with self.changed:
            self.events.append(fixed + named + raw)

    def play(
        self, samples: np.ndarray, sfreq: float, packet: int, events: dict[int, str] | None = None
    ) -> threading.Thread:
        """Put samples packet by packet in real time, each event with its sample's packet; a new header ends it."""

        def run() -> None:
            began, header = time.monotonic(), self.header
            for at in range(0, len(samples), packet):
                time.sleep(max(0.0, began + (at + packet) / sfreq - time.monotonic()))
                if self.header is not header:
                    return
                for row in sorted(events or {}):
                    if at <= row < at + packet:
                        self.event("trigger", events[row], row)
                self.put(samples[at : at + packet])

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def kill(self) -> None:
        """Gone without a word, as a process that was killed."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it had gone already
            connection.close()

    def _serve(self, connection: socket.socket) -> None:
        while True:
            _, command, size = struct.unpack("HHI", _exactly(connection, 8))
            asked = _exactly(connection, size)
            time.sleep(self.hang_s)
            command, payload = self._answer(command, asked)
            connection.sendall(struct.pack("HHI", 1, command, len(payload)) + payload)

    def _answer(self, command: int, asked: bytes) -> tuple[int, bytes]:
        with self.changed:
            if self.header is None:
                return (WAIT_ERR if command == WAIT_DAT else GET_ERR), b""
            n_channels, sfreq, kind, extra = self.header
            if command == GET_HDR:
                counts = (n_channels, self.n_samples, len(self.events), sfreq, kind, len(extra))
                return GET_OK, struct.pack("IIIfII", *counts) + extra
            if command == WAIT_DAT:
                n_samples, n_events, ms = struct.unpack("III", asked)
                if self.n_samples <= n_samples and len(self.events) <= n_events:
                    self.changed.wait_for(lambda: self.n_samples > n_samples, ms / 1e3)
                return WAIT_OK, struct.pack("II", self.n_samples, len(self.events))
            held, oldest = (self.n_samples, len(self.ring)) if command == GET_DAT else (len(self.events), N_EVENTS)
            begin, end = struct.unpack("II", asked) if asked else (max(0, held - oldest), held - 1)
            if not held or end >= held or begin < held - oldest:
                return GET_ERR, b""
            if command == GET_EVT:
                return GET_OK, b"".join(self.events[begin : end + 1])
            rows = np.take(self.ring, range(begin, end + 1), axis=0, mode="wrap").tobytes()
            return GET_OK, struct.pack("IIII", n_channels, end + 1 - begin, kind, len(rows)) + rows


def fif_header(info: mne.Info, order: str = "<") -> bytes:
    """The channels of a measurement as `neuromag2ft` sends them along: FIF tags in the machine's byte order."""

    def tag(kind: int, form: int, data: bytes) -> bytes:
        return struct.pack(order + "4i", kind, form, len(data), 0) + data

    out = tag(100, 31, struct.pack(order + "5i", 65539, 0, 0, 0, 0)) + tag(200, 3, struct.pack(order + "i", len(info)))
    for ch in info["chs"]:
        numbers = (ch["scanno"], ch["logno"], ch["kind"], ch["range"], ch["cal"], ch["coil_type"], *ch["loc"])
        data = struct.pack(order + "3i2fi12f2i16s", *numbers, ch["unit"], ch["unit_mul"], ch["ch_name"].encode())
        out += tag(203, 30, data)
    return out


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data
