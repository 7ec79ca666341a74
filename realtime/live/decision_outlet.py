"""Decisions of one session as LSL: scores as numbers and everything as JSON, in the clock of the signal they came from.

`NAME-scores`: type Classifier, float32, a channel per label that holds its probability. `NAME-decisions`: type Markers,
a string, the JSON of every decision and every status. Both have rate 0 (irregular): hops fall out in gaps, and
overlapping trials give several decisions at one time.
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pylsl

from realtime.sources.lsl.markers import SOURCE

MAX_SCORES = 256  # a bank of more labels has only the JSON stream: nobody plots a thousand channels
DRAIN_S = 0.5  # the streams stay open this long after the last sample, so that listeners get it


class DecisionOutlet:
    """The two streams of one session; gone when closed.

    A decision is stamped `t_lsl`, the LSL time at which its newest sample was taken, and not the time it was made: so
    it lines up with the signal in a recording. How old it was when it was sent is `sent_age_ms` in its JSON. A status
    is stamped when it is sent. Not for several threads at once.
    """

    def __init__(self, name: str, source_id: str, session: str):
        """Streams beside the signal stream `name` with `source_id`, which may be empty."""
        self.name = name
        self._meta = {"source_name": name, "source_id": source_id, "session": session}
        # Two servers decode one stream while a session moves, and both call it s1: nobody may take one for the other.
        self._base = f"{SOURCE}{source_id or name}-{session}-{uuid4().hex[:8]}"
        info = pylsl.StreamInfo(f"{name}-decisions", "Markers", 1, 0.0, pylsl.cf_string, f"{self._base}-decisions")
        info.set_channel_labels(["decision"])
        self._describe(info, {"value": "JSON; the message of docs/protocol.md and sent_age_ms"})
        self._decisions = pylsl.StreamOutlet(info)
        self._scores: pylsl.StreamOutlet | None = None

    @property
    def stream_names(self) -> tuple[str, ...]:
        """Names of the LSL streams that are open."""
        return (f"{self.name}-decisions",) + ((f"{self.name}-scores",) if self._scores else ())

    def _decide_with(self, bundle: str, labels: Sequence[str], hop_s: float) -> None:
        """The score stream of the bundle with this hash, instead of that of the one before."""
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
        self._describe(info, {"bundle": bundle, "hop_s": repr(hop_s), "value": "probability of the label, 0 to 1"})
        self._scores = pylsl.StreamOutlet(info)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message of the session: decisions and statuses leave, `hello` opens the score stream of its bundle."""
        said = {key: value for key, value in message.items() if key not in ("embedding", "p")}
        if message["type"] == "hello":
            self._decide_with(message["bundle"], message["labels"], message["hop_s"])
        elif message["type"] == "decision":
            said["sent_age_ms"] = (pylsl.local_clock() - message["t_lsl"]) * 1e3
            if self._scores is not None and message.get("p") is not None:
                self._scores.push_sample(np.asarray(message["p"], np.float32), message["t_lsl"])
            self._decisions.push_sample([_json(said)], message["t_lsl"])
        elif message["type"] == "status":
            self._decisions.push_sample([_json(said)])

    def close(self) -> None:
        """Take the streams down once listeners have had a moment to get the rest, or have left."""
        self._drain()
        self._scores = None
        del self._decisions

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_S
        outlets = [outlet for outlet in (self._scores, self._decisions) if outlet is not None]
        while time.monotonic() < deadline and any(outlet.have_consumers() for outlet in outlets):
            time.sleep(0.02)

    def _describe(self, info: pylsl.StreamInfo, more: dict[str, str]) -> None:
        desc = info.desc()
        desc.append_child_value("manufacturer", "Glimpse")
        meta = desc.append_child("glimpse")
        for key, value in {**self._meta, **more, "stamp": "LSL time of the newest sample a decision used"}.items():
            meta.append_child_value(key, value)


def _json(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), default=lambda value: value.tolist(), allow_nan=False)
