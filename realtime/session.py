"""One stream decoded by one bundle: finding and checking the stream, its gaps, its markers, its state.

The reader thread finds and reads; the engine's thread calls `take`. What happens to the stream is said in `status`
messages, a sentence each.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from pylsl import local_clock

from realtime.decoder import Decoder
from realtime.errors import BadInput, StreamLost
from realtime.hops import Hop
from realtime.montage import match, renamed
from realtime.stream import Chunk, Marker, Source, StreamInfo

if TYPE_CHECKING:
    from realtime.lsl import StreamQuery

log = logging.getLogger("glimpse")

LASTING = ("connecting", "live", "stale", "lost", "mismatch")  # every other state is a moment, after which these hold
STALE_S = 1.0  # no sample for this long: the stream is stale
RETRY_S = 0.5  # between two looks for a stream that is not there
RATE_TOLERANCE = 0.005  # relative difference between the stream's rate and the bundle's
MEASURED_TOLERANCE = 0.02  # between the rate the stamps show and the one declared; headset packets jitter by 1 %
# Samples that have waited this long: decoding cannot keep up. Many times what a busy machine or a start-up costs, so
# that nothing is dropped for a hiccup; what decodes a little too slowly runs into it all the same.
BEHIND_S = 5.0
AHEAD_S = 10.0  # a marker stamped so far ahead of signal and clock comes from another clock
SIGNAL_SFREQ = 128.0  # the traces are thinned to about this rate, Hz


@dataclass(frozen=True)
class Pulled:
    """What the reader got: unbroken samples, markers, or both."""

    chunk: Chunk | None
    markers: list[Marker]
    order: np.ndarray  # the stream's column of each of the bundle's channels
    restarted: bool  # the stream was opened anew before this
    arrived: float = field(default_factory=monotonic)


@dataclass
class Session:
    """One open session, shared by two threads.

    The reader's writes `status` and `detail`; the engine's writes `state` and what begins with an underscore. Between
    them are only `_backlog`, which one fills and the other empties, and `closed`.
    """

    id: str
    decoder: Decoder
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    wake: Callable[[], None]  # called when something has been read
    publish: Callable[[str, dict[str, Any]], None]
    status: str = "connecting"
    detail: str = ""
    closed: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)
    _backlog: deque[Pulled] = field(default_factory=deque)  # read and not yet decoded
    _offset: int = 0  # added to the stream's sample numbers: a reopened stream counts from 0 again
    _chunk: Chunk | None = None  # the newest one taken, in the session's own numbers
    _waiting: list[Marker] = field(default_factory=list)  # markers that came before the first sample
    _bad: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._silence = np.empty((0, len(self.decoder.ch_names)))
        self.state = self.decoder.start()
        self.thread = threading.Thread(target=self._read, name=f"glimpse-{self.id}", daemon=True)

    def close(self) -> None:
        """Let go of the stream and wait for the reader to end."""
        self.closed.set()
        self.thread.join()

    def time_of(self, sample: int) -> float:
        """LSL seconds of a sample near the newest chunk."""
        assert self._chunk is not None
        return self._chunk.time_of(sample)

    def tell(self, state: str, detail: str) -> None:
        """Publish a status; a lasting one is not repeated while it and its sentence hold."""
        lasting = state in LASTING
        if lasting and (self.status, self.detail) == (state, detail):
            return
        if lasting:
            self.status, self.detail = state, detail
        self.publish(
            self.id, {"type": "status", "session": self.id, "state": state, "detail": detail, "lasting": lasting}
        )

    # --- reader's thread

    def _read(self) -> None:
        restarted = False
        self.tell("connecting", f"Looking for {self.query}.")
        while not self.closed.is_set():
            try:
                source = self.connect(self.query)
            except (BadInput, StreamLost) as error:
                self.tell("lost" if restarted else "connecting", str(error))
                self.closed.wait(RETRY_S)
                continue
            except Exception as error:  # a defect of ours or a broken library: the session says so and tries on
                self._tell_failed(error)
                continue
            try:
                if (order := self._check(source.info)) is None:
                    self.closed.wait(RETRY_S)
                    continue
                for sentence in source.info.warnings:
                    self.tell("assumed", f"{sentence}.")
                self._follow(source, order, restarted)
            except StreamLost as error:
                self.tell("lost", f"{error}; looking for it again.")
            except Exception as error:
                self._tell_failed(error)
            finally:
                source.close()
            restarted = True

    def _tell_failed(self, error: Exception) -> None:
        log.exception("reading failed")
        self.tell("lost", f"Reading {self.query} failed: {error!r}; see the server's log.")
        self.closed.wait(RETRY_S)

    def _check(self, info: StreamInfo) -> np.ndarray | None:
        """The stream's column of each of the bundle's channels, or None after saying why the stream does not fit."""
        manifest = self.decoder.bundle.manifest
        if abs(info.sfreq / manifest.sfreq - 1) > RATE_TOLERANCE:
            self.tell(
                "mismatch",
                f"Stream {info.name!r} runs at {info.sfreq:g} Hz, bundle {manifest.name!r} needs {manifest.sfreq:g} "
                "Hz: set the amplifier's rate or train a bundle at this one.",
            )
            return None
        try:
            return match(self.decoder.ch_names, renamed(info.ch_names, manifest.rename))
        except BadInput as error:
            self.tell("mismatch", f"Stream {info.name!r}: {error}")
            return None

    def _follow(self, source: Source, order: np.ndarray, restarted: bool) -> None:
        heard, rate = monotonic(), source.info.sfreq
        read_from: tuple[str, ...] = ()
        while not self.closed.is_set():
            chunks, markers = source.pull(timeout_s=0.1)
            if chunks:
                heard = monotonic()
            rate = source.measured_rate() or rate  # after a gap it is not known for a while: what was found holds
            fits = abs(rate / source.info.sfreq - 1) <= MEASURED_TOLERANCE
            if source.marker_names != read_from:
                read_from = source.marker_names
                self._tell_markers(read_from)
            if monotonic() - heard > STALE_S:
                self.tell(
                    "stale", f"No sample from {source.info.name!r} for {STALE_S:g} s: check amplifier and network."
                )
            elif chunks and fits:
                self.tell("live", f"Samples arrive from {source.info.name!r}{self._missing(read_from)}.")
            elif chunks:
                self.tell(
                    "mismatch",
                    f"Samples of {source.info.name!r} are stamped {rate:.4g} a second, its header says "
                    f"{source.info.sfreq:g}: check the amplifier's settings.",
                )
            if not fits:
                chunks = []
            if markers and not chunks:
                self._backlog.append(Pulled(None, markers, order, restarted))
            for chunk in chunks:
                self._backlog.append(Pulled(chunk, markers, order, restarted))
                markers, restarted = [], False
            self.wake()

    def _tell_markers(self, names: tuple[str, ...]) -> None:
        """Where nobody chose, another rig's marker stream may start trials too: say whose are read."""
        if self.query.markers is None:
            said = f"read from {', '.join(map(repr, names))}" if names else "no longer read, their stream is gone"
            self.tell("assumed", f"Markers are {said}.")

    def _missing(self, names: tuple[str, ...]) -> str:
        wanted = self.query.markers
        return "" if wanted is None or names else f", but no marker stream {wanted!r} is in sight"

    # --- engine's thread

    def oldest(self) -> Pulled | None:
        """The oldest piece that waits, if any; of a backlog of more than BEHIND_S only the newest samples are kept."""
        if not self._backlog:
            return None
        oldest = self._backlog.popleft()
        late_s = monotonic() - oldest.arrived
        if late_s < BEHIND_S:
            return oldest
        pieces = [oldest, *(self._backlog.popleft() for _ in range(len(self._backlog)))]
        if len(pieces) > 1:
            self.tell(
                "behind",
                f"Decoding is {late_s:.1f} s behind the samples, so what waited is dropped: close other sessions or "
                "use a faster machine.",
            )
        newest = next((piece for piece in reversed(pieces) if piece.chunk is not None), oldest)
        markers = [marker for piece in pieces for marker in piece.markers]
        return replace(newest, markers=markers, restarted=any(piece.restarted for piece in pieces))

    def take(self, pulled: Pulled) -> list[tuple[Hop, float]]:
        """Hops completed by what was read, each with the milliseconds its preprocessing took."""
        began = perf_counter()
        chunk, markers = pulled.chunk, self._waiting + pulled.markers
        if chunk is not None:
            if pulled.restarted:
                self._reopen(chunk)
            self._chunk = chunk = replace(chunk, index=chunk.index + self._offset)
            if lost := chunk.index - self.decoder.front.next_sample(self.state):
                self._gap(lost, chunk.sfreq)
        if self._chunk is None:
            self._waiting = markers
            return []
        self._waiting = []
        samples = self._silence if chunk is None else chunk.samples[:, pulled.order]
        hops, self.state = self.decoder.prepare(samples, self.state, self._onsets(markers))
        for hop in hops:
            self._tell_bad(hop)
        if chunk is not None:
            self._show(chunk, pulled.order)
        ms = (perf_counter() - began) * 1e3 / max(len(hops), 1)
        return [(hop, ms) for hop in hops]

    def _reopen(self, chunk: Chunk) -> None:
        """Count on from before the stream was lost, by the clock."""
        expected = self.decoder.front.next_sample(self.state)
        lost = 0
        if self._chunk is not None:
            lost = max(0, self._chunk.index_of(chunk.t_first) - expected)
            self.state = self.decoder.skip(self.state, lost)
        self._offset = expected + lost - chunk.index
        self.tell("reconnected", f"Samples arrive again; {lost} were lost.")

    def _gap(self, lost: int, sfreq: float) -> None:
        self.state = self.decoder.skip(self.state, lost)
        self.tell("gap", f"{lost} samples ({lost / sfreq:.3g} s) were lost; the running trial is dropped.")

    def _onsets(self, markers: list[Marker]) -> list[int]:
        """Sample numbers of the trial starts among `markers`; also tells clients what was marked."""
        assert self._chunk is not None
        events = self.decoder.bundle.manifest.events
        decoded = self.decoder.front.next_sample(self.state)
        onsets = []
        for marker in markers:
            if marker.label not in events:
                continue
            # A replay faster than real time runs ahead of the clock, a stream that is stale stays behind it.
            newest = self._chunk.time_of(self._chunk.index + len(self._chunk.samples))
            ahead_s = marker.t_lsl - max(newest, local_clock())
            if ahead_s > AHEAD_S:
                self.tell(
                    "bad_marker",
                    f"Marker {marker.label!r} is stamped {ahead_s:.0f} s ahead of the signal and dropped: its sender "
                    "must use LSL's clock.",
                )
                continue
            onset = self._chunk.index_of(marker.t_lsl)
            onsets.append(onset)
            if onset < decoded - round(self._chunk.sfreq * self.decoder.front.hop_s):
                late_ms = (decoded - onset) / self._chunk.sfreq * 1e3
                self.tell("late_marker", f"Marker {marker.label!r} came {late_ms:.0f} ms after its sample.")
            self.publish(
                self.id,
                {
                    "type": "trial",
                    "session": self.id,
                    "trial": int(self.state["onset.told"]) + len(onsets) - 1,
                    "t_onset": marker.t_lsl,
                    "marker": marker.label,
                    "label": events[marker.label],
                },
            )
        return onsets

    def _tell_bad(self, hop: Hop) -> None:
        bad = tuple(name for name, is_bad in zip(self.decoder.ch_names, hop.bad, strict=True) if is_bad)
        if bad and bad != self._bad:
            self.tell("bad_samples", f"NaN or Inf from {', '.join(bad)}: held at the last good value.")
        self._bad = bad

    def _show(self, chunk: Chunk, order: np.ndarray) -> None:
        """Traces for people: block means at about SIGNAL_SFREQ."""
        thin = max(1, int(chunk.sfreq / SIGNAL_SFREQ))
        n = len(chunk.samples) // thin
        rows = chunk.samples[: n * thin, order] if n else chunk.samples[-1:, order]
        means = rows.reshape(max(n, 1), -1, len(order)).mean(axis=1)
        self.publish(
            self.id,
            {
                "type": "signal",
                "t_first": chunk.t_first,
                "sfreq": chunk.sfreq / thin,
                "samples": means.astype(np.float32),
            },
        )
