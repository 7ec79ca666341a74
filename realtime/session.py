"""One stream decoded by one bundle: its gaps, its markers, its state.

The supervisor's thread finds and reads; the engine's thread calls `take`. What happens to the stream is said in
`status` messages, a sentence each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from pylsl import local_clock

from realtime.decoder import Decoder
from realtime.hops import Hop
from realtime.stream import Chunk, Marker, Source
from realtime.supervisor import Pulled, Supervisor

if TYPE_CHECKING:
    from realtime.lsl import StreamQuery

LASTING = ("connecting", "live", "stale", "lost", "mismatch")  # every other state is a moment, after which these hold
# Samples that have waited this long: decoding cannot keep up. Many times what a busy machine or a start-up costs, so
# that nothing is dropped for a hiccup; what decodes a little too slowly runs into it all the same.
BEHIND_S = 5.0
AHEAD_S = 10.0  # a marker stamped so far ahead of signal and clock comes from another clock
SIGNAL_SFREQ = 128.0  # the traces are thinned to about this rate, Hz


@dataclass
class Session:
    """One open session, shared by two threads.

    The supervisor's writes `status` and `detail`; the engine's writes `state` and what begins with an underscore.
    Between them are only the supervisor's backlog, which one fills and the other empties, and `closed`.
    """

    id: str
    decoder: Decoder
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    wake: Callable[[], None]  # called when something has been read
    publish: Callable[[str, dict[str, Any]], None]
    status: str = "connecting"
    detail: str = ""
    supervisor: Supervisor = field(init=False)
    _offset: int = 0  # added to the stream's sample numbers: a reopened stream counts from 0 again
    _chunk: Chunk | None = None  # the newest one taken, in the session's own numbers
    _waiting: list[Marker] = field(default_factory=list)  # markers that came before the first sample
    _bad: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._silence = np.empty((0, len(self.decoder.ch_names)))
        self.state = self.decoder.start()
        self.supervisor = Supervisor(
            f"glimpse-{self.id}", self.decoder.bundle.manifest, self.query, self.connect, self.tell, self.wake
        )
        self.thread, self.closed = self.supervisor.thread, self.supervisor.closed

    def close(self) -> None:
        """Let go of the stream and wait for the reader to end."""
        self.supervisor.close()

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

    def oldest(self) -> Pulled | None:
        """The oldest piece that waits, if any; of a backlog of more than BEHIND_S only the newest samples are kept."""
        if not (backlog := self.supervisor.backlog):
            return None
        oldest = backlog.popleft()
        late_s = monotonic() - oldest.arrived
        if late_s < BEHIND_S:
            return oldest
        pieces = [oldest, *(backlog.popleft() for _ in range(len(backlog)))]
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
