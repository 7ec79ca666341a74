"""Markers from every LSL marker stream in sight, as text, whichever of the usual formats they come in."""

import threading
from contextlib import suppress
from typing import NamedTuple

import pylsl
from pylsl.util import LostError

from realtime.errors import StreamLost
from realtime.lsl_header import channel_rows
from realtime.lsl_inlet import open_inlet
from realtime.stream import Marker

MARKER_PREDICATE = "type='Markers' or type='markers' or type='annotations' or type='Annotations'"
PULL_MARKERS = 4096  # most markers taken from one stream in one call


class _MarkerInlet(NamedTuple):
    inlet: pylsl.StreamInlet
    name: str
    labels: tuple[str, ...]  # of its channels
    one_hot: bool  # whether a value stands for the label of its channel


class MarkerReader:
    """Every marker stream in sight (or the one with the name or source_id `wanted`), also those that appear later.

    Streams are opened in a thread of its own: connecting takes most of a second, and samples must not wait for it.
    """

    def __init__(self, wanted: str | None = None):
        self._wanted = wanted
        self._resolver = pylsl.ContinuousResolver(pred=MARKER_PREDICATE, forget_after=5.0)
        self._inlets: dict[str, _MarkerInlet] = {}  # by uid
        self._lost: set[str] = set()
        self._opening = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glimpse-markers", daemon=True)
        self._thread.start()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the marker streams being read."""
        return tuple(sorted(marker.name for marker in list(self._inlets.values())))

    def open_known(self) -> None:
        """Return once every marker stream in sight by now is being read."""
        with self._opening:
            for info in self._resolver.results():
                self._add(info)

    def pull(self) -> list[Marker]:
        """Every marker that has arrived, in order of time."""
        markers: list[Marker] = []
        for uid, (inlet, _, labels, one_hot) in list(self._inlets.items()):
            try:
                values, stamps = inlet.pull_chunk(timeout=0.0, max_samples=PULL_MARKERS)
            except LostError:
                self._lost.add(uid)
                del self._inlets[uid]  # a marker stream may end before its signal does
                continue
            for value, stamp in zip(values, stamps, strict=True):
                markers += [Marker(label, stamp) for label in marker_labels(value, labels, one_hot)]
        return sorted(markers, key=lambda marker: marker.t_lsl)

    def close(self) -> None:
        """Let go of every marker stream."""
        self._closed.set()
        self._thread.join()
        for inlet, *_ in self._inlets.values():
            inlet.close_stream()
        self._inlets.clear()

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            self.open_known()

    def _add(self, info: pylsl.StreamInfo) -> None:
        if self._wanted not in (None, info.name(), info.source_id()):
            return
        if info.uid() in self._inlets or info.uid() in self._lost:
            return
        with suppress(StreamLost):  # gone again before it could be opened
            inlet, header = open_inlet(info, buffer_s=600.0)
            labels = tuple(row["label"] for row in channel_rows(header))
            numbers = info.channel_format() != pylsl.cf_string
            one_hot = numbers and (len(labels) > 1 or info.type().lower() == "annotations")
            self._inlets[info.uid()] = _MarkerInlet(inlet, info.name(), labels, one_hot)


def marker_labels(value: list, ch_names: tuple[str, ...], one_hot: bool) -> list[str]:
    """Labels in one sample of a marker stream: text and numbers as they are, one-hot channels by their label."""
    if one_hot:
        return [label for label, x in zip(ch_names, value, strict=True) if x]
    texts = [f"{x:g}" if isinstance(x, float) else str(x).strip() for x in value]
    return [text for text in texts if text]
