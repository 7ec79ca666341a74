"""A source that plays a simulated day much faster than real time."""

import threading
import time
from collections import deque
from collections.abc import Mapping

import numpy as np

from benchmarks.soak.schedule import Pull
from realtime.decoding.decoder import Decoder
from realtime.errors import StreamLost
from realtime.live.messages import DecisionMessage, Message, StatusMessage
from realtime.sources.dejitter import ClockState, measured_rate, place_samples
from realtime.stream import Chunk, Marker, StreamInfo

# Of stream that the source may give before the engine has decided on what came before; with 2 s its threads wait for
# each other a third of the time.
AHEAD_S = 8.0


class Log:
    """What the engine has published of the stretch at hand, and how far it is; for several threads."""

    def __init__(self) -> None:
        self.decisions: list[DecisionMessage] = []
        self.states: deque[str] = deque(maxlen=20)
        self.newest = -1  # sample of the newest decision
        self.changed = threading.Condition()

    def publish(self, _: str, message: Message) -> None:
        """As the engine calls it."""
        if isinstance(message, DecisionMessage):
            with self.changed:
                self.decisions.append(message)
                self.newest = message.sample
                self.changed.notify_all()
        elif isinstance(message, StatusMessage):
            self.states.append(f"{message.state}: {message.detail}")


class DaySource:
    """Gives the pieces of a shared queue until one belongs to the stream that comes after; a `Source`."""

    marker_names: tuple[str, ...] = ("markers",)
    clock_offset_s: float | None = 0.0
    other_matches: Mapping[str, str] = {}

    def __init__(self, decoder: Decoder, pieces: deque[Pull], log: Log, t0: float):
        manifest = decoder.bundle.manifest
        names = tuple(manifest.ch_names)
        self.info = StreamInfo("day", "EEG", "day-1", manifest.sfreq, names, (1.0,) * len(names))
        self._pieces, self._log, self._t0 = pieces, log, t0
        self._clock = ClockState()
        self._held = np.empty((0, len(names)))
        self._given: int | None = None  # number of the sample after the last one given
        self._run = 0  # first sample of the unbroken run

    def measured_rate(self) -> float | None:
        """As the stamps show it."""
        return measured_rate(self._clock, self.info.sfreq)

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """The next piece, as soon as the engine has nearly caught up with the one before."""
        if not self._pieces:
            time.sleep(0.001)
            return [], []
        given = self._given
        if given is not None:
            with self._log.changed:
                if not self._log.changed.wait_for(lambda: self._near(given), timeout_s):
                    return [], []
        if self._pieces[0].reopened and given is not None:
            raise StreamLost("the day's stream was cut")
        piece = self._pieces.popleft()
        if piece.first != given:
            self._run = piece.first
        self._given = piece.end
        samples = np.concatenate([self._held, piece.samples])
        segments, self._clock = place_samples(piece.stamps + self._t0, self._clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = np.split(samples, [len(segment.times)])
            chunks.append(Chunk(rows, segment.index, float(segment.times[0]), self.info.sfreq, segment.lost))
        self._held = samples
        period = float(np.mean(np.diff(piece.stamps))) if len(piece.stamps) > 20 else 1 / self.info.sfreq
        stamped = self._t0 + float(np.median(piece.stamps - period * np.arange(len(piece.stamps))))
        return chunks, [Marker(label, stamped + (at - piece.first) * period) for at, label in piece.markers]

    def close(self) -> None:
        """Nothing to let go of."""

    def _near(self, given: int) -> bool:
        return given - max(self._log.newest, self._run) <= AHEAD_S * self.info.sfreq
