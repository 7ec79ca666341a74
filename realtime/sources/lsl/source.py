"""Signal and markers from the Lab Streaming Layer, as chunks in microvolts with checked times.

liblsl is used with clock synchronisation only: its own dejitter and recovery hide lost samples and changed streams.
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

MAX_PULL_SAMPLES = 4096  # in one call of liblsl
CLOCK_INTERVAL_S = 0.5  # between two readings of the clock offset
SLEEP_SHARE = 0.9  # of the time that the samples need at the nominal rate: longest sleep, whatever the stamps say


class LslSource:
    """One LSL signal stream and its marker streams; implements `realtime.stream.Source`.

    Times are LSL `local_clock()` seconds of this machine, a constant delay of the device subtracted. A silent stream
    gives no chunks; one whose connection broke raises `StreamLost`. `BadInput` if no stream or several match within
    `wait_s`, `UnusableStream` if the header cannot be used, `StreamLost` if the stream ends during this call.
    """

    def __init__(self, query: StreamQuery, wait_s: float = 1.0, buffer_s: float = 360.0):
        self._query = query
        stream = poll_streams(query, wait_s)
        self._markers = MarkerReader(query.markers)
        try:
            self._markers.open_known()  # before the signal: a player that waits for us starts at its first marker
            self._inlet, header = open_inlet(stream.info, buffer_s)
            self.info: StreamInfo = read_header(header)
            self._clock = first_reading(self._inlet, self.info.name)
            self._markers.open_known()  # those that started together with the signal are visible by now
        except StreamLost:
            directory().mark_gone(stream.uid)
            self._markers.close()
            raise
        except BaseException:
            self._markers.close()
            raise
        self.clock = ClockState()
        self._delay_s = self.info.delay_s if query.delay_s is None else query.delay_s
        self._clock_read = local_clock()
        self._step_s = 0.0  # jump of the clock not reported yet
        self._factors = np.array(self.info.unit_to_uv)
        self._unplaced = np.empty((0, len(self.info.ch_names)))  # samples whose number is not decided yet

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Names of the marker streams being read now; others may appear later."""
        return self._markers.names

    @property
    def clock_offset_s(self) -> float | None:
        """The clock of the stream's machine less this one's, seconds; liblsl measures it every 2 s."""
        return -self._clock.correction_s

    @property
    def other_matches(self) -> Mapping[str, str]:
        """Other visible streams that match the query: uid and description."""
        streams = directory().streams()
        return {s.uid: str(s.row) for s in streams if s.uid != self.info.uid and self._query.matches(s.row)}

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """Wait up to `timeout_s` seconds for `min_samples` samples; everything that has arrived since the last call."""
        blocks: list[np.ndarray] = [self._unplaced] if len(self._unplaced) else []
        stamps: list[np.ndarray] = []
        wait_s, remaining = timeout_s, min(max(1, min_samples), MAX_PULL_SAMPLES)
        try:
            self._read_clock()
            wait_s -= self._sleep_until_due(remaining, timeout_s)
            while remaining > 0:
                n_max = min(remaining, MAX_PULL_SAMPLES)
                samples, times = self._inlet.pull_chunk(timeout=wait_s, max_samples=n_max, as_numpy=True)
                if not (timed := np.isfinite(times)).all():  # a sample without a time is a lost one
                    samples, times = samples[timed], times[timed]
                # What waits after the first samples is pulled too; what arrives meanwhile is left for the next call.
                remaining = remaining - n_max if stamps else samples_available(self._inlet)
                wait_s = 0.0
                blocks.append(samples * self._factors)
                stamps.append(times)
        except LostError as error:
            if not stamps:
                directory().mark_gone(self.info.uid)
                raise StreamLost(f"stream {self.info.name!r} (source_id {self.info.source_id!r}) was lost") from error
            # Return what arrived before the end; the next call raises.
        # Markers after samples: one that was sent before a sample is never behind it.
        return self._place(blocks, stamps), self._markers.pull()

    def measured_rate(self) -> float | None:
        """Rate in Hz that the stamps show, None until it is known; see `realtime.sources.dejitter.measured_rate`."""
        return measured_rate(self.clock, self.info.sfreq)

    def close(self) -> None:
        """Close the signal and the marker streams."""
        self._inlet.close_stream()
        self._markers.close()

    def _sleep_until_due(self, n_samples: int, timeout_s: float) -> float:
        """Sleep until `n_samples` samples can be there, and return for how many seconds.

        liblsl's own wait wakes for each sample that arrives: 16 times a decision of ten samples, with the sleep 3.
        """
        if n_samples == 1 or not self.clock.n_segment or samples_available(self._inlet) >= n_samples:
            return 0.0
        due_s = earliest(n_samples, self.clock) - local_clock()
        sleep_s = min(due_s, SLEEP_SHARE * n_samples * self.clock.line.period, timeout_s)
        if sleep_s <= 0:
            return 0.0
        sleep(sleep_s)
        return sleep_s

    def _read_clock(self) -> None:
        if (now := local_clock()) - self._clock_read < CLOCK_INTERVAL_S:
            return
        self._clock_read = now
        if reading := read_clock(self._inlet):
            self._step_s += reading.jump_from(self._clock)
            self._clock = reading

    def _place(self, blocks: list[np.ndarray], stamps: list[np.ndarray]) -> list[Chunk]:
        samples = _concatenate(blocks)
        segments, self.clock = place_samples(_concatenate(stamps), self.clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = samples[: len(segment.times)], samples[len(segment.times) :]
            t_first, step_s = segment.times[0] - self._delay_s, segment.back_s or self._step_s
            chunks.append(Chunk(rows, segment.index, t_first, self.info.sfreq, segment.lost, step_s))
            self._step_s = 0.0
        self._unplaced = samples
        return chunks


def _concatenate(arrays: list[np.ndarray]) -> np.ndarray:
    """The arrays one after the other; a single one, the usual case, is returned uncopied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
