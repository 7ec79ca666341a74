"""Markers from LSL marker streams, as text, whichever of the usual formats they come in."""

import logging
import math
import threading
from dataclasses import dataclass, field

import pylsl
from pylsl.util import LostError

from realtime.errors import BadInput, StreamLost
from realtime.markers import decode_text, sample_labels
from realtime.sources.lsl.directory import FoundStream, directory
from realtime.sources.lsl.fast_calls import samples_available
from realtime.sources.lsl.header import channel_rows, delay_of
from realtime.sources.lsl.inlet import open_inlet, read_clock
from realtime.stream import Marker

log = logging.getLogger("glimpse")

# Most markers taken from one stream in one call, 5 to 9 ms of work (measured): samples never wait longer. The rest of a
# storm stays in liblsl's buffer, in order, and comes with the next calls.
PULL_MARKERS = 2048
BUFFER_S = 600.0  # liblsl takes it for 100 markers a second, 60,000 in all
SOURCE = "glimpse-decoded-"  # source_ids of our own decisions begin with it: they are no experiment's markers
SAME_S = 0.001  # the same label stamped so near is the same marker, sent again
REMEMBERED = 1024  # markers of a stream among which a repeated one is recognised


@dataclass
class _MarkerInlet:
    inlet: pylsl.StreamInlet
    name: str
    labels: tuple[str, ...]  # of its channels
    one_hot: bool  # whether a value stands for the label of its channel
    delay_s: float
    ready: bool = False  # whether its clock is known
    told: dict[tuple[str, int], float] = field(default_factory=dict)  # stamps by label and millisecond, oldest first

    def pull(self) -> list[Marker]:
        """What has arrived, without what was sent twice."""
        if not self.ready:
            self.ready = read_clock(self.inlet) is not None
        if not self.ready:
            return []  # a pull would wait for the clock; nothing is lost
        if not samples_available(self.inlet):  # costs a microsecond, a pull of texts fifty
            return []
        # Undecoded: pylsl raises at the first text that is not UTF-8, and everything it had pulled is lost.
        values, stamps = self.inlet.pull_chunk(timeout=0.0, max_samples=PULL_MARKERS, as_numpy=True)
        rows = [[decode_text(x) if isinstance(x, bytes) else x for x in row] for row in values.tolist()]
        return [
            Marker(label, stamp - self.delay_s)
            for value, stamp in zip(rows, stamps.tolist(), strict=True)
            for label in sample_labels(value, self.labels, self.one_hot)
            if self._is_new(label, stamp)
        ]

    def _is_new(self, label: str, stamp: float) -> bool:
        if not math.isfinite(stamp):
            return True  # the session says that it is wrong
        ms = int(stamp / SAME_S)
        near = (self.told.get((label, k)) for k in (ms - 1, ms, ms + 1))
        if any(other is not None and abs(other - stamp) < SAME_S for other in near):
            return False
        self.told[label, ms] = stamp
        if len(self.told) > REMEMBERED:
            del self.told[next(iter(self.told))]
        return True


class MarkerReader:
    """Every marker stream in sight, or those whose names or source_ids `wanted` lists, also when they appear later.

    Streams are opened in a thread of its own: samples must not wait for it.
    """

    def __init__(self, wanted: str | None = None):
        self._wanted = None if wanted is None else {wanted, *(part.strip() for part in wanted.split(","))}
        self._inlets: dict[str, _MarkerInlet] = {}  # by uid
        self._unread: set[str] = set()  # uids of those that were lost or cannot be used
        self._opening = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glimpse-markers", daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the marker streams being read."""
        return tuple(sorted(marker.name for marker in list(self._inlets.values())))

    def open_known(self) -> None:
        """Return once every marker stream in sight by now is being collected."""
        with self._opening:
            for seen in directory().streams():
                if seen.row.is_marker and not self._closed.is_set():
                    self._add(seen)

    def pull(self) -> list[Marker]:
        """Every marker that has arrived (of a storm a part, the rest with the next calls), in order of time."""
        markers: list[Marker] = []
        for uid, marker_inlet in list(self._inlets.items()):
            try:
                markers += marker_inlet.pull()
            except LostError:
                directory().gone(uid)
                self._unread.add(uid)
                del self._inlets[uid]  # a marker stream may end before its signal does
        return sorted(markers, key=lambda marker: (math.isnan(marker.t_lsl), marker.t_lsl))

    def close(self) -> None:
        """Let go of every marker stream."""
        self._closed.set()
        self._thread.join()
        for marker_inlet in self._inlets.values():
            marker_inlet.inlet.close_stream()
        self._inlets.clear()

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            self.open_known()

    def _add(self, seen: FoundStream) -> None:
        if self._wanted is not None and self._wanted.isdisjoint((seen.row.name, seen.row.source_id)):
            return
        if seen.row.source_id.startswith(SOURCE):
            return
        if seen.uid in self._inlets or seen.uid in self._unread:
            return
        try:
            inlet, header = open_inlet(seen.info, BUFFER_S)
            labels = tuple(row["label"] for row in channel_rows(header))
            numbers = seen.row.channel_format != "string"
            one_hot = numbers and (len(labels) > 1 or seen.row.type.lower() == "annotations")
            self._inlets[seen.uid] = _MarkerInlet(inlet, seen.row.name, labels, one_hot, delay_of(header))
        except StreamLost:
            directory().gone(seen.uid)  # gone again before it could be opened
        except BadInput as error:
            log.warning("markers: %s; it is not read", error)
            self._unread.add(seen.uid)
        except RuntimeError as error:  # liblsl's; the thread that finds the other streams must go on
            log.warning("marker stream %r cannot be read: %s", seen.row.name, error)
            self._unread.add(seen.uid)
