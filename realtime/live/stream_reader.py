"""The reader's thread of a session: it finds a stream, checks it against the bundle, reads it and reports its state.

Packets wait in a backlog for the engine's thread. The engine's thread answers through a queue: how far it is, and which
bundle decodes now.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from realtime.bundle.compatibility import check_stream
from realtime.bundle.manifest import Manifest
from realtime.errors import BadInput, StreamLost, UnusableStream
from realtime.live.duplicates import DuplicateStreams
from realtime.live.messages import LASTING_STATES
from realtime.live.packet import Packet, Progress
from realtime.live.rate_check import RateCheck
from realtime.live.stall import StallDetector
from realtime.sensors.head_position import HeadPosition, head_moved, position_channels
from realtime.stream import Chunk, Marker, Source, StreamInfo

if TYPE_CHECKING:
    from realtime.sources.query import StreamQuery

log = logging.getLogger("glimpse")

RETRY_S = 0.2  # between two searches for a stream that is not there
PULL_S = 0.1  # longest wait for samples; then markers, silence and the end are looked for
CLOSE_S = 0.9  # a source that is being connected may need longer to end
POLL_INTERVAL_S = 0.5  # between two looks for duplicates; LSL's list of streams is renewed no more often


@dataclass
class StreamReader:
    """Reads the stream that `query` names, through loss and return.

    `report(state, detail)` and `wake()` are called from the reader's thread; a lasting state is not reported again
    while it and its sentence hold. The reader fills `backlog`, the engine empties it. The other attributes belong to
    the reader's thread once it runs; `update` and `close` may be called from any thread.
    """

    name: str  # of the thread
    manifest: Manifest  # of the bundle that the stream must fit
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    report: Callable[[str, str], None]  # the state and a sentence
    wake: Callable[[], None]  # called when something has been read
    samples_to_next_hop: Callable[[int], int] = lambda n_in: 1  # see Frontend; the same for all bundles of a session
    stopping: threading.Event = field(default_factory=threading.Event)
    backlog: deque[Packet] = field(default_factory=deque)
    thread: threading.Thread = field(init=False)
    _updates: SimpleQueue[Progress | Manifest] = field(default_factory=SimpleQueue)
    _progress: Progress = field(default_factory=Progress)
    _n_read: int = 0  # samples of all packets that were put into the backlog
    _status: tuple[str, str] = ("connecting", "")  # the last lasting state and its sentence
    _duplicates: DuplicateStreams = field(default_factory=DuplicateStreams)
    _logged: str = ""  # the exception logged last
    _head: HeadPosition = field(default_factory=HeadPosition)  # of an MEG stream with head position channels

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def update(self, news: Progress | Manifest) -> None:
        """Tell the reader how far the engine is, or which bundle the stream must fit from now on."""
        self._updates.put(news)

    def close(self) -> None:
        """Release the stream and wait until the thread ends, but no longer than CLOSE_S."""
        self.stopping.set()
        self.thread.join(CLOSE_S)

    def _run(self) -> None:
        reconnected = False
        self._report("connecting", f"Looking for {self.query}.")
        while not self.stopping.is_set():
            try:
                source = self.connect(replace(self.query, excluded_uids=self._duplicates.excluded_uids(monotonic())))
            except UnusableStream as error:
                self._report("mismatch", f"{error}.")
                self.stopping.wait(RETRY_S)
                continue
            except (BadInput, StreamLost) as error:
                self._report("lost" if reconnected else "connecting", str(error))
                self.stopping.wait(RETRY_S)
                continue
            except Exception as error:  # a defect of ours or a broken library: report it and try again
                self._report_failure(error)
                continue
            try:
                with closing(source):
                    if (order := self._channel_order(source.info)) is None:
                        self.stopping.wait(RETRY_S)
                        continue
                    for sentence in source.info.warnings:
                        self._report("assumed", f"{sentence}.")
                    self._read(source, order, reconnected)
            except StreamLost as error:
                self._report("lost", f"{error}; looking for it again.")
            except Exception as error:
                self._report_failure(error)
            reconnected = True

    def _channel_order(self, info: StreamInfo) -> np.ndarray | None:
        """The stream's column of each of the bundle's channels; None, after a report, where the stream does not fit."""
        self._take_updates()
        try:
            order = check_stream(info, self.manifest)
        except UnusableStream as error:
            self._report("mismatch", f"{str(error).rstrip('.')}.")
            return None
        order.flags.writeable = False
        return order

    def _read(self, source: Source, order: np.ndarray, reconnected: bool) -> None:
        """Read until the stream is lost or the session ends."""
        name = source.info.name
        stall, rate_check = StallDetector(monotonic()), RateCheck(name, source.info.sfreq)
        marker_names: tuple[str, ...] = ()
        position = position_channels(source.info.ch_names)
        polled = -POLL_INTERVAL_S
        self._duplicates.begin()
        while not self.stopping.is_set():
            self._take_updates()
            chunks, markers = source.pull(PULL_S, self._samples_needed())
            self._take_updates()  # another bundle may have other events
            now = monotonic()
            if chunks:
                stall.samples_arrived(now)
                if now - polled >= POLL_INTERVAL_S:
                    polled = now
                    if sentence := self._duplicates.change(name, source.other_matches, now):
                        self._report("duplicate", sentence)
            elif stall.is_stalled(now) and (
                uid := self._duplicates.replacement(source.info.uid, source.other_matches, now)
            ):
                raise StreamLost(
                    f"no sample from {name!r} for {stall.limit_s:.2g} s, and {source.other_matches[uid]} has come up"
                )
            if source.marker_names != marker_names:
                marker_names = source.marker_names
                self._report_marker_streams(marker_names)
            for chunk in chunks:
                self._report_clock_step(chunk, name)
                if position is not None:
                    self._report_head(chunk.samples[-1, position])
            # Other markers mean nothing to this session, and many of them must not delay samples.
            known = [marker for marker in markers if marker.label in self.manifest.events]
            released, known = rate_check.release(chunks, known, source.measured_rate())
            if stall.is_stalled(now):
                self._report(
                    "stale", f"No sample from {name!r} for {stall.limit_s:.2g} s: check amplifier and network."
                )
            elif chunks and (sentence := rate_check.problem()):
                self._report("mismatch", sentence)
            elif released:
                self._report("live", f"Samples arrive from {name!r}{self._missing_markers(marker_names)}.")
            self._queue(released, known, order, reconnected, source.clock_offset_s)
            reconnected &= not released
            self.wake()

    def _queue(
        self,
        chunks: list[Chunk],
        markers: list[Marker],
        order: np.ndarray,
        reconnected: bool,
        clock_offset_s: float | None,
    ) -> None:
        """Put one packet a chunk into the backlog; the markers come with the first, or alone."""
        pieces: list[Chunk | None] = [*chunks] if chunks else [None] if markers else []
        for k, chunk in enumerate(pieces):
            packet = Packet(chunk, () if k else tuple(markers), order, reconnected and not k, clock_offset_s)
            self._n_read += packet.n_samples
            self.backlog.append(packet)

    def _samples_needed(self) -> int:
        """Samples until the next decision is due: waking the engine for fewer only costs time."""
        waiting = self._n_read - self._progress.n_taken
        return self.samples_to_next_hop(self._progress.n_in + waiting)

    def _take_updates(self) -> None:
        while not self._updates.empty():
            news = self._updates.get()
            if isinstance(news, Progress):
                self._progress = news
            else:
                self.manifest = news

    # --- reports

    def _report(self, state: str, detail: str) -> None:
        if self.stopping.is_set():  # a source that answers after the end
            return
        if state in LASTING_STATES:
            if self._status == (state, detail):
                return
            self._status = state, detail
        self.report(state, detail)

    def _report_failure(self, error: Exception) -> None:
        if repr(error) != self._logged:  # the reader tries again five times a second, perhaps for days
            self._logged = repr(error)
            log.exception("reading failed")
        self._report("lost", f"Reading {self.query} failed: {error!r}; see the server's log.")
        self.stopping.wait(RETRY_S)

    def _report_clock_step(self, chunk: Chunk, name: str) -> None:
        if chunk.clock_step_s:
            self._report(
                "clock",
                f"The clock of {name!r} was set {'on' if chunk.clock_step_s > 0 else 'back'} by "
                f"{abs(chunk.clock_step_s):.4g} s; samples and markers are placed by the new one.",
            )

    def _report_head(self, position: np.ndarray) -> None:
        off_mm, self._head = head_moved(position, self._head)
        if off_mm is not None:
            self._report(
                "head_moved",
                f"The head is {off_mm:.1f} mm from where it was when the session began: the sensors are over other "
                "parts of the brain than the decoder expects; bring it back or begin a new session.",
            )

    def _report_marker_streams(self, names: tuple[str, ...]) -> None:
        """Where the query names no marker streams, another set-up's may start trials too: report which are read."""
        if self.query.markers is None:
            listing = f"read from {', '.join(map(repr, names))}" if names else "no longer read, their stream is gone"
            self._report("assumed", f"Markers are {listing}.")

    def _missing_markers(self, names: tuple[str, ...]) -> str:
        """Which of the requested marker streams are missing, as the end of a sentence."""
        requested = self.query.markers
        if requested is None or len(names) > requested.count(","):
            return ""
        if "," not in requested:
            return f", but no marker stream {requested!r} was found"
        listing = f"only {', '.join(map(repr, names))}" if names else "none"
        return f", but of the marker streams {requested!r} {listing} was found"
