"""Signal and markers from the Lab Streaming Layer, as chunks in microvolts with checked times.

liblsl is asked for clock synchronisation only: its own dejitter and recovery hide lost samples and changed streams.
"""

from collections.abc import Mapping
from time import sleep

import numpy as np
from pylsl.util import LostError

from realtime.errors import StreamLost
from realtime.sources.dejitter import ClockState, earliest, measured_rate, place_samples
from realtime.sources.lsl.directory import directory
from realtime.sources.lsl.fast_calls import local_clock, samples_available
from realtime.sources.lsl.header import read_header
from realtime.sources.lsl.inlet import first_reading, open_inlet, read_clock
from realtime.sources.lsl.markers import MarkerReader
from realtime.sources.lsl.search import poll_streams
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker, StreamInfo

PULL_SAMPLES = 4096  # most samples taken from liblsl in one call
CLOCK_EVERY_S = 0.5  # between two looks at the clock offset
SLEEP_SHARE = 0.9  # most of the time that samples take to come that is slept at once, whatever the stamps say


class LslSource:
    """One LSL signal stream with the marker streams beside it; implements `realtime.stream.Source`.

    Times are LSL `local_clock()` seconds of this machine, a constant delay of the device taken off. A silent stream
    gives no chunks; one whose connection broke raises `StreamLost`. `BadInput` if none or several streams match within
    `wait_s` (whoever expects one later asks again), `Unfit` if the header cannot be used, `StreamLost` if the stream
    goes away while it is opened.
    """

    def __init__(self, query: StreamQuery, wait_s: float = 1.0, buffer_s: float = 360.0):
        self._query = query
        found = poll_streams(query, wait_s)
        self._markers = MarkerReader(query.markers)
        try:
            self._markers.open_known()  # before the signal: a player that waits for us starts at its first marker
            self._inlet, header = open_inlet(found.info, buffer_s)
            self.info: StreamInfo = read_header(header)
            self._clock = first_reading(self._inlet, self.info.name)
            self._markers.open_known()  # those that came up together with the signal are in sight by now
        except StreamLost:
            directory().gone(found.uid)
            self._markers.close()
            raise
        except BaseException:
            self._markers.close()
            raise
        self.clock = ClockState()
        self._delay_s = self.info.delay_s if query.delay_s is None else query.delay_s
        self._looked = local_clock()
        self._step_s = 0.0  # jump of the clock not told yet
        self._factors = np.array(self.info.unit_to_uv)
        self._held = np.empty((0, len(self.info.ch_names)))  # samples whose place is not decided yet

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Names of the marker streams being read now; others may appear later."""
        return self._markers.names

    @property
    def clock_offset_s(self) -> float | None:
        """The clock of the stream's machine less this one's, seconds; liblsl measures it every 2 s."""
        return -self._clock.correction_s

    @property
    def rivals(self) -> Mapping[str, str]:
        """Other streams in sight that the query asks for as well: uid and what it is, in words."""
        seen = directory().streams()
        return {s.uid: str(s.row) for s in seen if s.uid != self.info.uid and self._query.asks_for(s.row)}

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """Wait up to `timeout_s` seconds for so many samples; everything that has arrived since the last call."""
        blocks: list[np.ndarray] = [self._held] if len(self._held) else []
        stamps: list[np.ndarray] = []
        wait_s, left = timeout_s, min(max(1, min_samples), PULL_SAMPLES)
        try:
            self._look_at_clock()
            wait_s -= self._nap(left, timeout_s)
            while left > 0:
                most = min(left, PULL_SAMPLES)
                samples, times = self._inlet.pull_chunk(timeout=wait_s, max_samples=most, as_numpy=True)
                if not (timed := np.isfinite(times)).all():  # a sample without a time is a lost one
                    samples, times = samples[timed], times[timed]
                # What waits after the first samples is taken too; what comes meanwhile is the next call's.
                left = left - most if stamps else samples_available(self._inlet)
                wait_s = 0.0
                blocks.append(samples * self._factors)
                stamps.append(times)
        except LostError as error:
            if not stamps:
                directory().gone(self.info.uid)
                raise StreamLost(f"stream {self.info.name!r} (source_id {self.info.source_id!r}) was lost") from error
            # Hand out what came before the end; the next call tells.
        # Markers after samples: one that was sent before a sample is never behind it.
        return self._placed(blocks, stamps), self._markers.pull()

    def measured_rate(self) -> float | None:
        """Rate in Hz that the stamps show, None until it is known; see `realtime.sources.dejitter.measured_rate`."""
        return measured_rate(self.clock, self.info.sfreq)

    def close(self) -> None:
        """Let go of the signal and marker streams."""
        self._inlet.close_stream()
        self._markers.close()

    def _nap(self, wanted: int, timeout_s: float) -> float:
        """Sleep until `wanted` samples can be there, and say for how long.

        liblsl's own wait wakes for each sample that comes: 16 times a decision of ten samples, 3 times with the nap.
        """
        if wanted == 1 or not self.clock.n_segment or samples_available(self._inlet) >= wanted:
            return 0.0
        nap_s = min(earliest(wanted, self.clock) - local_clock(), SLEEP_SHARE * wanted * self.clock.period, timeout_s)
        if nap_s <= 0:
            return 0.0
        sleep(nap_s)
        return nap_s

    def _look_at_clock(self) -> None:
        if (now := local_clock()) - self._looked < CLOCK_EVERY_S:
            return
        self._looked = now
        if reading := read_clock(self._inlet):
            self._step_s += reading.jump_from(self._clock)
            self._clock = reading

    def _placed(self, blocks: list[np.ndarray], stamps: list[np.ndarray]) -> list[Chunk]:
        samples = _joined(blocks)
        segments, self.clock = place_samples(_joined(stamps), self.clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = samples[: len(segment.times)], samples[len(segment.times) :]
            t_first, step_s = segment.times[0] - self._delay_s, segment.back_s or self._step_s
            chunks.append(Chunk(rows, segment.index, t_first, self.info.sfreq, segment.lost, step_s))
            self._step_s = 0.0
        self._held = samples
        return chunks


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Nearly always there is one part: what came since the last call."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
