"""The reader half of a session: a thread that finds a stream, checks it against a bundle, reads it, tells its state.

What it reads waits in a backlog for the engine's thread.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from realtime.bundle.manifest import Manifest
from realtime.errors import BadInput, StreamLost, UnusableStream
from realtime.live.duplicates import DuplicateStreams
from realtime.live.packet import Packet
from realtime.live.rate_check import RateCheck
from realtime.live.stall import StallDetector
from realtime.sensors.head_position import HeadPosition, head_moved, position_channels
from realtime.sensors.montage import match_channels, rename_channels
from realtime.stream import Chunk, Source, StreamInfo

if TYPE_CHECKING:
    from realtime.sources.query import StreamQuery

log = logging.getLogger("glimpse")

RETRY_S = 0.2  # between two looks for a stream that is not there
PULL_S = 0.1  # the longest wait for samples, after which markers, silence and the end are looked for
CLOSE_S = 0.9  # a stream that is just being opened may take longer to let go
POLL_INTERVAL_S = 0.5  # between two looks for streams beside the one that is read; LSL's sight is renewed no more often
RATE_TOLERANCE = 0.005  # relative difference between the stream's rate and the bundle's


@dataclass
class StreamReader:
    """Follows the stream that `query` asks for through loss and return.

    `tell(state, detail)` and `wake()` are called from its thread; `backlog` is filled by it and emptied by others.
    """

    name: str  # of the thread
    manifest: Manifest  # of the bundle the stream must fit
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    tell: Callable[[str, str], None]  # the state and a sentence
    wake: Callable[[], None]  # called when something has been read
    wanted: Callable[[], int] = lambda: 1  # samples until the next decision is due: what a pull waits for
    closed: threading.Event = field(default_factory=threading.Event)
    backlog: deque[Packet] = field(default_factory=deque)  # read and not yet taken
    clock_offset_s: float | None = None  # the stream's clock less this machine's, as last measured
    thread: threading.Thread = field(init=False)
    _beside: DuplicateStreams = field(default_factory=DuplicateStreams)
    _failed: str = ""  # the exception logged last
    _head: HeadPosition = field(default_factory=HeadPosition)  # of an MEG stream that says where it is

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._read, name=self.name, daemon=True)

    def close(self) -> None:
        """Let go of the stream and wait for the thread to end, unless a stream that does not answer holds it up."""
        self.closed.set()
        self.thread.join(CLOSE_S)

    def _read(self) -> None:
        restarted = False
        self._say("connecting", f"Looking for {self.query}.")
        while not self.closed.is_set():
            try:
                source = self.connect(replace(self.query, without=self._beside.not_meant(monotonic())))
            except UnusableStream as error:
                self._say("mismatch", f"{error}.")
                self.closed.wait(RETRY_S)
                continue
            except (BadInput, StreamLost) as error:
                self._say("lost" if restarted else "connecting", str(error))
                self.closed.wait(RETRY_S)
                continue
            except Exception as error:  # a defect of ours or a broken library: the session says so and tries on
                self._tell_failed(error)
                continue
            try:
                with closing(source):
                    if (order := self._check(source.info)) is None:
                        self.closed.wait(RETRY_S)
                        continue
                    for sentence in source.info.warnings:
                        self._say("assumed", f"{sentence}.")
                    self._follow(source, order, restarted)
            except StreamLost as error:
                self._say("lost", f"{error}; looking for it again.")
            except Exception as error:
                self._tell_failed(error)
            restarted = True

    def _say(self, state: str, detail: str) -> None:
        if not self.closed.is_set():  # of a stream that answers after the end nobody wants to hear
            self.tell(state, detail)

    def _tell_failed(self, error: Exception) -> None:
        if repr(error) != self._failed:  # tried again five times a second, perhaps for days
            self._failed = repr(error)
            log.exception("reading failed")
        self._say("lost", f"Reading {self.query} failed: {error!r}; see the server's log.")
        self.closed.wait(RETRY_S)

    def _check(self, info: StreamInfo) -> np.ndarray | None:
        """The stream's column of each of the bundle's channels, or None after saying why the stream does not fit."""
        manifest = self.manifest
        if abs(info.sfreq / manifest.sfreq - 1) > RATE_TOLERANCE:
            self._say(
                "mismatch",
                f"Stream {info.name!r} runs at {info.sfreq:g} Hz, bundle {manifest.name!r} needs {manifest.sfreq:g} "
                "Hz: set the amplifier's rate or train a bundle at this one.",
            )
            return None
        try:
            return match_channels(manifest.ch_names, rename_channels(info.ch_names, manifest.rename))
        except BadInput as error:
            self._say("mismatch", f"Stream {info.name!r}: {error}")
            return None

    def _follow(self, source: Source, order: np.ndarray, restarted: bool) -> None:
        name = source.info.name
        silence, pace = StallDetector(monotonic()), RateCheck(name, source.info.sfreq)
        read_from: tuple[str, ...] = ()
        position = position_channels(source.info.ch_names)
        looked = -POLL_INTERVAL_S
        self._beside.begin()
        while not self.closed.is_set():
            chunks, markers = source.pull(PULL_S, self.wanted())
            now, self.clock_offset_s = monotonic(), source.clock_offset_s
            if chunks:
                silence.came(now)
                if now - looked >= POLL_INTERVAL_S:
                    looked = now
                    if sentence := self._beside.sentence(name, source.rivals, now):
                        self._say("duplicate", sentence)
            elif silence.over(now) and (uid := self._beside.successor(source.info.uid, source.rivals, now)):
                raise StreamLost(
                    f"no sample from {name!r} for {silence.most_s:.2g} s, and {source.rivals[uid]} has come up"
                )
            if source.marker_names != read_from:
                read_from = source.marker_names
                self._tell_markers(read_from)
            for chunk in chunks:
                self._tell_clock(chunk, name)
                if position is not None:
                    self._tell_head(chunk.samples[-1, position])
            # Others mean nothing to this session, and a storm of them must not wait before samples.
            markers = [marker for marker in markers if marker.label in self.manifest.events]
            passed, markers = pace.passed(chunks, markers, source.measured_rate())
            if silence.over(now):
                self._say("stale", f"No sample from {name!r} for {silence.most_s:.2g} s: check amplifier and network.")
            elif chunks and (sentence := pace.sentence()):
                self._say("mismatch", sentence)
            elif passed:
                self._say("live", f"Samples arrive from {name!r}{self._missing(read_from)}.")
            if markers and not passed:
                self.backlog.append(Packet(None, markers, order, restarted))
            for chunk in passed:
                self.backlog.append(Packet(chunk, markers, order, restarted))
                markers, restarted = [], False
            self.wake()

    def _tell_clock(self, chunk: Chunk, name: str) -> None:
        if chunk.clock_step_s:
            self._say(
                "clock",
                f"The clock of {name!r} was set {'on' if chunk.clock_step_s > 0 else 'back'} by "
                f"{abs(chunk.clock_step_s):.4g} s; samples and markers are placed by the new one.",
            )

    def _tell_head(self, position: np.ndarray) -> None:
        off_mm, self._head = head_moved(position, self._head)
        if off_mm is not None:
            self._say(
                "head_moved",
                f"The head is {off_mm:.1f} mm from where it was when the session began: the sensors see other brain "
                "than the decoder expects; bring it back or begin a new session.",
            )

    def _tell_markers(self, names: tuple[str, ...]) -> None:
        """Where nobody chose, another rig's marker stream may start trials too: say whose are read."""
        if self.query.markers is None:
            said = f"read from {', '.join(map(repr, names))}" if names else "no longer read, their stream is gone"
            self._say("assumed", f"Markers are {said}.")

    def _missing(self, names: tuple[str, ...]) -> str:
        wanted = self.query.markers
        if wanted is None or len(names) > wanted.count(","):
            return ""
        found = f"only {', '.join(map(repr, names))}" if names else "none"
        return (
            f", but of the marker streams {wanted!r} {found} is in sight"
            if "," in wanted
            else (f", but no marker stream {wanted!r} is in sight")
        )
