"""Decisions over OSC, to programs for sound, light and pictures: one UDP packet each, without an answer."""

import socket
from importlib.util import find_spec

from realtime.errors import BadInput
from realtime.live.messages import DecisionMessage, EventMessage, StatusMessage

MAX_SCORES = 256  # a bank of more labels sends no scores: a packet of them would not pass every network


def osc_address(text: str) -> tuple[str, int]:
    """Numeric address and port of `host:port`, looked up once; BadInput where it or OSC cannot be used."""
    if find_spec("pythonosc") is None:
        raise BadInput("--osc needs the package python-osc: install it with pip install 'glimpse-bci[osc]'.")
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadInput(f"--osc: {text!r} found, host:port is needed; give it as 127.0.0.1:9000.")
    try:
        rows = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
    except OSError as error:
        raise BadInput(f"--osc: no address of {host!r} is known ({error}); give one as 127.0.0.1:9000.") from None
    # `localhost` may be ::1 first, and most OSC programs listen on IPv4: the packets would be lost without an error.
    *_, address = min(rows, key=lambda row: row[0] != socket.AF_INET)
    return str(address[0]), int(address[1])


class OscSink:
    """Sends the messages of one session to `address`, a numeric one and a port.

    /glimpse/SESSION/decision  label, p, trial or -1, seconds since onset or -1
    /glimpse/SESSION/scores    p of every label, in the order of `hello`
    /glimpse/SESSION/status    state, detail
    """

    def __init__(self, session: str, address: tuple[str, int]) -> None:
        from pythonosc.udp_client import SimpleUDPClient

        self.root = f"/glimpse/{session}"
        self.client = SimpleUDPClient(*address)

    def send(self, message: EventMessage) -> None:
        """Send a decision with its scores, or a status; other messages are left out."""
        match message:
            case StatusMessage():
                self.client.send_message(f"{self.root}/status", [message.state, message.detail])
            case DecisionMessage(trial=trial, since_onset_s=since, p=scores):
                best = message.top[0]
                clock = (-1 if trial is None else trial, -1.0 if since is None else float(since))
                self.client.send_message(f"{self.root}/decision", [best.label, float(best.p), *clock])
                if scores is not None and len(scores) <= MAX_SCORES:
                    self.client.send_message(f"{self.root}/scores", scores.tolist())

    def close(self) -> None:
        """Close the socket."""
        self.client.close()
