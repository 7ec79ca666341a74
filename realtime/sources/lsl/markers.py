"""Markers from LSL marker streams, as text."""

import logging
import math
import threading
from dataclasses import dataclass, field

import pylsl
from pylsl.util import LostError

from realtime.errors import BadInput, StreamLost
from realtime.markers import decode_text, is_one_hot, sample_labels
from realtime.sources.lsl.directory import FoundStream, directory
from realtime.sources.lsl.fast_calls import samples_available
from realtime.sources.lsl.header import delay_of, read_channels
from realtime.sources.lsl.inlet import open_inlet, read_clock
from realtime.stream import Marker

log = logging.getLogger("glimpse")

# Markers pulled from one stream in one call, at most: 5 to 9 ms of work (measured), so that samples never wait longer.
# Further markers stay in liblsl's buffer, in order, and come with the next calls.
PULL_MARKERS = 2048
BUFFER_S = 600.0  # liblsl assumes 100 markers a second: 60,000 in all
SOURCE = "glimpse-decoded-"  # prefix of the source_ids of our own decisions, which are no markers of the experiment
SAME_MARKER_S = 0.001  # a label repeated within this time is the same marker, sent again
MAX_RECENT = 1024  # markers of a stream among which a repeated one is recognised


@dataclass
class _MarkerInlet:
    inlet: pylsl.StreamInlet
    name: str
    ch_names: tuple[str, ...]
    one_hot: bool  # whether a value means the label of its channel
    delay_s: float
    ready: bool = False  # whether the stream's clock is known
    recent: dict[tuple[str, int], float] = field(default_factory=dict)  # stamps by label and millisecond, oldest first

    def pull(self) -> list[Marker]:
        """Markers that have arrived, repeated ones once."""
        if not self.ready:
            self.ready = read_clock(self.inlet) is not None
        if not self.ready:
            return []  # a pull would wait for the clock; nothing is lost
        if not samples_available(self.inlet):  # costs a microsecond, a pull of texts fifty
            return []
        # Undecoded: pylsl raises at the first text that is not UTF-8, and everything that it had pulled is lost.
        values, stamps = self.inlet.pull_chunk(timeout=0.0, max_samples=PULL_MARKERS, as_numpy=True)
        rows = [[decode_text(x) if isinstance(x, bytes) else x for x in row] for row in values.tolist()]
        return [
            Marker(label, stamp - self.delay_s)
            for row, stamp in zip(rows, stamps.tolist(), strict=True)
            for label in sample_labels(row, self.ch_names, self.one_hot)
            if self._is_new(label, stamp)
        ]

    def _is_new(self, label: str, stamp: float) -> bool:
        if not math.isfinite(stamp):
            return True  # the session reports it
        ms = int(stamp / SAME_MARKER_S)
        stamps = (self.recent.get((label, k)) for k in (ms - 1, ms, ms + 1))
        if any(earlier is not None and abs(earlier - stamp) < SAME_MARKER_S for earlier in stamps):
            return False
        self.recent[label, ms] = stamp
        if len(self.recent) > MAX_RECENT:
            del self.recent[next(iter(self.recent))]
        return True


class MarkerReader:
    """Reads every visible marker stream, or those whose names or source_ids `names` lists, also when they appear later.

    A thread of its own opens the streams, so that samples do not wait for it.
    """

    def __init__(self, names: str | None = None):
        self._names = None if names is None else {names, *(name.strip() for name in names.split(","))}
        self._inlets: dict[str, _MarkerInlet] = {}  # by uid
        self._ignored: set[str] = set()  # uids of streams that were lost or cannot be used
        self._opening = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glimpse-markers", daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the marker streams being read."""
        return tuple(sorted(stream.name for stream in list(self._inlets.values())))

    def open_known(self) -> None:
        """Return once every marker stream visible by now is being collected."""
        with self._opening:
            for stream in directory().streams():
                if stream.row.is_marker and not self._stop.is_set():
                    self._add(stream)

    def pull(self) -> list[Marker]:
        """Markers that have arrived, in order of time; at most `PULL_MARKERS` of each stream."""
        markers: list[Marker] = []
        for uid, marker_inlet in list(self._inlets.items()):
            try:
                markers += marker_inlet.pull()
            except LostError:
                directory().mark_gone(uid)
                self._ignored.add(uid)
                del self._inlets[uid]  # a marker stream may end before its signal does
        return sorted(markers, key=lambda marker: (math.isnan(marker.t_lsl), marker.t_lsl))

    def close(self) -> None:
        """Close every marker stream."""
        self._stop.set()
        self._thread.join()
        for marker_inlet in self._inlets.values():
            marker_inlet.inlet.close_stream()
        self._inlets.clear()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.open_known()

    def _add(self, stream: FoundStream) -> None:
        row = stream.row
        if self._names is not None and self._names.isdisjoint((row.name, row.source_id)):
            return
        if row.source_id.startswith(SOURCE) or stream.uid in self._inlets or stream.uid in self._ignored:
            return
        try:
            inlet, header = open_inlet(stream.info, BUFFER_S)
            ch_names = tuple(channel.label for channel in read_channels(header))
            one_hot = is_one_hot(row.type, row.channel_format, len(ch_names))
            self._inlets[stream.uid] = _MarkerInlet(inlet, row.name, ch_names, one_hot, delay_of(header))
        except StreamLost:
            directory().mark_gone(stream.uid)  # it ended before it was connected
        except BadInput as error:
            log.warning("markers: %s; it is not read", error)
            self._ignored.add(stream.uid)
        except RuntimeError as error:  # liblsl's; the thread that finds the other streams must go on
            log.warning("marker stream %r cannot be read: %s", row.name, error)
            self._ignored.add(stream.uid)
