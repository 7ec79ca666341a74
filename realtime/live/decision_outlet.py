"""Decisions of one session as LSL streams: scores as numbers and everything as JSON, in the clock of the signal.

`NAME-scores`: type Classifier, float32, a channel per label that holds its probability. `NAME-decisions`: type Markers,
a string, the JSON of every decision and every status. Both have rate 0 (irregular): there are
no hops in gaps, and overlapping trials give several decisions at one time.
"""

import time
from collections.abc import Sequence
from uuid import uuid4

import numpy as np
import pylsl

from realtime.live.messages import DecisionMessage, HelloMessage, Message, StatusMessage, encode
from realtime.sources.lsl.markers import SOURCE

MAX_SCORES = 256  # a bank of more labels has only the JSON stream: a plot of a thousand channels shows nothing
DRAIN_S = 0.5  # listeners get the last samples in this time


class DecisionOutlet:
    """The two LSL streams of one session.

    A decision is stamped `t_lsl`, the LSL time of its newest sample, not the time at which it was made, so that it
    lines up with the signal in a recording. `sent_age_ms` in its JSON is its age when it was sent. A status is stamped
    when it is sent. Only one thread at a time may use an outlet.
    """

    def __init__(self, name: str, source_id: str, session: str):
        """Streams for the signal stream `name` with `source_id`, which may be empty."""
        self.name = name
        self._meta = {"source_name": name, "source_id": source_id, "session": session}
        # Two servers decode one stream while a session moves, and both call it s1: their streams need ids that differ.
        self._base = f"{SOURCE}{source_id or name}-{session}-{uuid4().hex[:8]}"
        info = pylsl.StreamInfo(f"{name}-decisions", "Markers", 1, 0.0, pylsl.cf_string, f"{self._base}-decisions")
        info.set_channel_labels(["decision"])
        self._write_header(info, {"value": "JSON; the message of docs/protocol.md and sent_age_ms"})
        self._decisions = pylsl.StreamOutlet(info)
        self._scores: pylsl.StreamOutlet | None = None

    @property
    def stream_names(self) -> tuple[str, ...]:
        """Names of the LSL streams that are open."""
        return (f"{self.name}-decisions",) + ((f"{self.name}-scores",) if self._scores else ())

    def _open_score_stream(self, bundle: str, labels: Sequence[str], hop_s: float) -> None:
        """Open the score stream of the bundle with this hash, in place of the present one."""
        if self._scores is not None:
            self._drain()
        self._scores = None
        if len(labels) > MAX_SCORES:
            return
        info = pylsl.StreamInfo(
            f"{self.name}-scores",
            "Classifier",
            len(labels),
            0.0,
            pylsl.cf_float32,
            f"{self._base}-{bundle.removeprefix('sha256:')[:12]}-scores",
        )
        info.set_channel_labels(list(labels))
        info.set_channel_types("probability")
        info.set_channel_units("probability")
        self._write_header(info, {"bundle": bundle, "hop_s": repr(hop_s), "value": "probability of the label, 0 to 1"})
        self._scores = pylsl.StreamOutlet(info)

    def send(self, message: Message) -> None:
        """Send a decision or a status; `hello` opens the score stream of its bundle, other messages are left out."""
        match message:
            case HelloMessage():
                self._open_score_stream(message.bundle, message.labels, message.hop_s)
            case DecisionMessage():
                age_ms = (pylsl.local_clock() - message.t_lsl) * 1e3
                if self._scores is not None and message.p is not None:
                    self._scores.push_sample(np.asarray(message.p, np.float32), message.t_lsl)
                self._decisions.push_sample([encode(message, sent_age_ms=age_ms)], message.t_lsl)
            case StatusMessage():
                self._decisions.push_sample([encode(message)])

    def close(self) -> None:
        """Close the streams after DRAIN_S, or as soon as no listener is left."""
        self._drain()
        self._scores = None
        del self._decisions

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        outlets = [outlet for outlet in (self._scores, self._decisions) if outlet is not None]
        while time.monotonic() < deadline and any(outlet.have_consumers() for outlet in outlets):
            time.sleep(0.02)

    def _write_header(self, info: pylsl.StreamInfo, more: dict[str, str]) -> None:
        desc = info.desc()
        desc.append_child_value("manufacturer", "Glimpse")
        meta = desc.append_child("glimpse")
        for key, value in {**self._meta, **more, "stamp": "LSL time of the newest sample a decision used"}.items():
            meta.append_child_value(key, value)
