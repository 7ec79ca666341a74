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

# How far the source may run ahead of the engine's decisions; with 2 s its threads wait for each other a third of the
# time.
MAX_AHEAD_S = 8.0


class PublishedDecisions:
    """Decisions of the present segment that the engine has published, and the newest one's sample; thread-safe."""

    def __init__(self) -> None:
        self.decisions: list[DecisionMessage] = []
        self.states: deque[str] = deque(maxlen=20)
        self.newest = -1  # sample of the newest decision
        self.changed = threading.Condition()

    def publish(self, _: str, message: Message) -> None:
        """Receive a message of the engine."""
        if isinstance(message, DecisionMessage):
            with self.changed:
                self.decisions.append(message)
                self.newest = message.sample
                self.changed.notify_all()
        elif isinstance(message, StatusMessage):
            self.states.append(f"{message.state}: {message.detail}")


class DaySource:
    """A `Source` that plays the pulls of a shared queue; raises StreamLost at the first one after a reconnection."""

    marker_names: tuple[str, ...] = ("markers",)
    clock_offset_s: float | None = 0.0
    other_matches: Mapping[str, str] = {}

    def __init__(self, decoder: Decoder, pulls: deque[Pull], log: PublishedDecisions, t0: float):
        manifest = decoder.bundle.manifest
        names = tuple(manifest.ch_names)
        self.info = StreamInfo("day", "EEG", "day-1", manifest.sfreq, names, (1.0,) * len(names))
        self._pulls, self._log, self._t0 = pulls, log, t0
        self._clock = ClockState()
        self._pending = np.empty((0, len(names)))
        self._end: int | None = None  # number of the sample after the last pull
        self._run = 0  # first sample of the unbroken run

    def measured_rate(self) -> float | None:
        """Rate in Hz that the stamps show."""
        return measured_rate(self._clock, self.info.sfreq)

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """The next pull, once the engine has nearly caught up with the one before."""
        if not self._pulls:
            time.sleep(0.001)
            return [], []
        end = self._end
        if end is not None:
            with self._log.changed:
                if not self._log.changed.wait_for(lambda: self._near(end), timeout_s):
                    return [], []
        if self._pulls[0].reopened and end is not None:
            raise StreamLost("the day's stream was disconnected")
        pull = self._pulls.popleft()
        if pull.first != end:
            self._run = pull.first
        self._end = pull.end
        samples = np.concatenate([self._pending, pull.samples])
        segments, self._clock = place_samples(pull.stamps + self._t0, self._clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = np.split(samples, [len(segment.times)])
            chunks.append(Chunk(rows, segment.index, float(segment.times[0]), self.info.sfreq, segment.lost))
        self._pending = samples
        period = float(np.mean(np.diff(pull.stamps))) if len(pull.stamps) > 20 else 1 / self.info.sfreq
        stamped = self._t0 + float(np.median(pull.stamps - period * np.arange(len(pull.stamps))))
        return chunks, [Marker(label, stamped + (sample - pull.first) * period) for sample, label in pull.markers]

    def close(self) -> None:
        """Nothing to close."""

    def _near(self, end: int) -> bool:
        return end - max(self._log.newest, self._run) <= MAX_AHEAD_S * self.info.sfreq
