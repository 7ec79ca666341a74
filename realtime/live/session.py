"""One stream decoded by one bundle: its gaps, its state, and the moves of a session that is paused, saved or swapped.

The supervisor's thread finds and reads; everything else happens in the engine's thread. What happens to the stream is
said in `status` messages, a sentence each.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop
from realtime.errors import BadInput
from realtime.live.packet import Packet
from realtime.live.saved_session import SavedSession, pack, unpack
from realtime.live.stream_reader import StreamReader
from realtime.live.traces import trace_frame
from realtime.live.trials import AHEAD_S, TrialMarkers
from realtime.quality.bad_channels import REASONS
from realtime.state import State, prefixed, substate
from realtime.stream import Chunk, Marker, Source

if TYPE_CHECKING:
    from realtime.sources.query import StreamQuery

LASTING = ("connecting", "live", "stale", "lost", "mismatch")  # every other state is a moment, after which these hold
# Samples that have waited this long: decoding cannot keep up. Many times what a busy machine or a start-up costs, so
# that nothing is dropped for a hiccup; what decodes a little too slowly runs into it all the same.
BEHIND_S = 5.0
PAUSE_S = 60.0  # samples that a paused session keeps; older ones are lost, as a gap
MOST_NAMED = 8  # channels in one sentence
WARM_S = 10.0  # of hops a new bundle hears before it takes over
WAITING = 500  # markers kept while no samples come; only the newest can be of samples to come


@dataclass
class Session:
    """One open session, shared by two threads.

    The supervisor's writes `status` and `detail`; the engine's writes the rest. Between them are only the supervisor's
    backlog, which one fills and the other empties, and `closed`.
    """

    id: str
    decoder: Decoder
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    wake: Callable[[], None]  # called when something has been read
    publish: Callable[[str, dict[str, Any]], None]
    tracks: int = 1  # trials decoded at once
    adapt: bool = False  # follow the person as labelled trials end
    paused: bool = False
    status: str = "connecting"
    detail: str = ""
    state: State = field(init=False)
    supervisor: StreamReader = field(init=False)
    trials: TrialMarkers = field(init=False)
    heard: deque[Hop] = field(init=False)  # unbroken hops decoded last
    _offset: int = 0  # added to the stream's sample numbers: a reopened stream counts from 0 again
    _chunk: Chunk | None = None  # the newest one taken, in the session's own numbers
    _t_next: float | None = None  # of a session that goes on elsewhere: LSL seconds of the sample it expects next
    _waiting: list[Marker] = field(default_factory=list)  # markers that came since the newest samples
    _bad: dict[str, str] = field(default_factory=dict)  # channels that were bad in the newest hop, with the reason
    _restarted: bool = False  # the stream was opened anew since the newest chunk: it counts from 0 again
    _resumed: float = 0.0  # time.monotonic(): what waited before is late for a reason

    def __post_init__(self) -> None:
        self.state = self.decoder.start(self.tracks, self.adapt)
        self.heard = deque(maxlen=max(1, round(WARM_S / self.decoder.front.hop_s)))
        self.trials = TrialMarkers(self.id, self.tell, lambda message: self.publish(self.id, message))
        self.supervisor = StreamReader(
            f"glimpse-{self.id}",
            self.decoder.bundle.manifest,
            self.query,
            self.connect,
            self.tell,
            self.wake,
            self.wanted,
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

    def wanted(self) -> int:
        """Samples to read until the next decision is due: waking for fewer would only cost time."""
        waiting = sum(len(piece.chunk.samples) for piece in self.supervisor.backlog.copy() if piece.chunk is not None)
        return self.decoder.front.until_hop(int(self.state["pre.resample.n_in"]) + waiting)

    # --- what was read

    def oldest(self) -> Packet | None:
        """The oldest piece that waits, if any; of a backlog of more than BEHIND_S only the newest samples are kept."""
        backlog = self.supervisor.backlog
        if self.paused:
            while backlog and monotonic() - backlog[0].arrived > PAUSE_S:
                self._restarted |= backlog.popleft().restarted
        if self.paused or not backlog:
            return None
        oldest = backlog.popleft()
        late_s = monotonic() - max(oldest.arrived, self._resumed)
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

    def take(self, pulled: Packet) -> list[tuple[Hop, float]]:
        """Hops completed by what was read, each with the milliseconds its preprocessing took."""
        began = perf_counter()
        markers = self._waiting + pulled.markers
        self._restarted |= pulled.restarted
        if pulled.chunk is None:
            self._waiting = markers[-WAITING:]
            return []
        self._waiting = []
        self._chunk = chunk = self._in_order(pulled.chunk)
        samples = chunk.samples[:, pulled.order]
        onsets, labels = self.trials.onsets(
            markers, self.decoder.bundle.manifest.events, chunk, self.decoder.front, self.state
        )
        hops, self.state = self.decoder.prepare(samples, self.decoder.labelled(self.state, labels), onsets)
        for hop in hops:
            self._tell_bad(hop)
        self.heard.extend(hops)
        if len(samples):
            self.publish(self.id, trace_frame(chunk, pulled.order))
        ms = (perf_counter() - began) * 1e3 / max(len(hops), 1)
        return [(hop, ms) for hop in hops]

    def _in_order(self, chunk: Chunk) -> Chunk:
        """The chunk in the session's own numbers, lost samples before it made a gap, and what was decoded cut off."""
        if self._t_next is not None:
            self._go_on(chunk)
        elif self._restarted:
            self._reopen(chunk)
        self._restarted = False
        chunk = replace(chunk, index=chunk.index + self._offset)
        expected = self.decoder.front.next_sample(self.state)
        if (lost := chunk.index - expected) > 0:
            self._skip(lost)
            self.tell("gap", f"{lost} samples ({lost / chunk.sfreq:.3g} s) were lost; the running trial is dropped.")
        return chunk.after(min(-lost, len(chunk.samples))) if lost < 0 else chunk

    def _reopen(self, chunk: Chunk) -> None:
        """Count on from before the stream was lost, by the clock."""
        expected = self.decoder.front.next_sample(self.state)
        lost = 0
        if self._chunk is not None:
            lost = max(0, self._chunk.index_of(chunk.t_first) - expected)
            self._skip(lost)
        self._offset = expected + lost - chunk.index
        self.tell("reconnected", f"Samples arrive again; {lost} were lost.")

    def _skip(self, lost: int) -> None:
        self.state = self.decoder.skip(self.state, lost)
        self.heard.clear()

    def _tell_bad(self, hop: Hop) -> None:
        """Tell what has changed: values held since they were not finite, channels flagged, channels good again."""
        found = {self.decoder.ch_names[i]: REASONS[hop.reason[i]] for i in np.flatnonzero(hop.reason)}
        held = [name for name, reason in found.items() if reason == "held" and name not in self._bad]
        if held:
            self.tell("bad_samples", f"NaN or Inf from {', '.join(held)}: held at the last good value.")
        bad = {name: reason for name, reason in found.items() if reason != "held"}
        was = {name for name, reason in self._bad.items() if reason != "held"}
        if new := [f"{name} ({reason})" for name, reason in bad.items() if name not in was]:
            stand_in = "stood in for by the good ones" if len(bad) < len(hop.reason) else "none is good"
            self.tell("bad_channels", f"Bad, and {stand_in}: {_listed(new)}.")
        if over := [name for name in self._bad if name in was and name not in bad]:
            self.tell("bad_channels", f"Good again: {_listed(over)}.")
        self._bad = found

    # --- moves of the session

    def pause(self) -> None:
        """Read on, decode nothing."""
        if not self.paused:
            self.paused = True
            self.tell("paused", f"Decoding waits; samples of the last {PAUSE_S:g} s are kept.")

    def resume(self) -> None:
        """Decode what has waited, and go on."""
        if self.paused:
            self.paused, self._resumed = False, monotonic()
            self.tell("resumed", "Decoding goes on.")

    def save(self) -> bytes:
        """Where the session stands, for `load` by another one; pause it first, or both decode the samples after."""
        t_next = self._t_next
        if self._chunk is not None:
            t_next = self.time_of(self.decoder.front.next_sample(self.state))
        return pack(
            SavedSession(self.decoder.bundle.hash, t_next, tuple(self._waiting), tuple(self.trials.recent), self.state)
        )

    def load(self, data: bytes) -> None:
        """Go on where the session that was saved stood, by the clock: samples it had decoded are not decoded again.

        Raises BadInput, also where this one is not paused: it would have moved on already.
        """
        if not self.paused:
            raise BadInput(
                f"session {self.id!r}: it is decoding, and a saved one is loaded while paused; pause it first"
            )
        saved = unpack(data, self.decoder.bundle.hash, self.decoder.start)
        self.tracks, self.adapt = len(saved.state["onset.current"]), "follow.labels" in saved.state
        self.state, self._t_next, self._waiting = saved.state, saved.t_next, list(saved.waiting)
        self._chunk, self._offset = None, 0
        self.trials.recall(saved.trials)
        self.heard.clear()

    def _go_on(self, chunk: Chunk) -> None:
        """Number the samples as the session that was saved would have, by the newest line through the same stamps."""
        assert self._t_next is not None
        newest = chunk
        for piece in self.supervisor.backlog.copy():
            if piece.restarted or (piece.chunk is not None and piece.chunk.clock_step_s):
                break  # what follows has other numbers or another clock
            newest = piece.chunk or newest
        expected_at = newest.index_of(self._t_next)
        if (ahead_s := self._t_next - newest.time_of(newest.index + len(newest.samples))) > PAUSE_S + AHEAD_S:
            self._skip(1)
            expected_at = chunk.index
            self.tell(
                "gap",
                f"The saved session expects samples {ahead_s:.0f} s ahead, by another clock, as after a reboot: how "
                "many were lost is not known; the running trial is dropped.",
            )
        self._offset = self.decoder.front.next_sample(self.state) - expected_at
        self._t_next = None

    def check_swap(self, decoder: Decoder) -> None:
        """Raise BadInput unless the decoder gets the very hops that this session's gets."""
        old, new = self.decoder.bundle.manifest, decoder.bundle.manifest
        for key in ("ch_names", "sfreq", "hop_samples", "preprocess"):
            if (found := getattr(new, key)) != (needed := getattr(old, key)):
                raise BadInput(
                    f"bundle {new.name!r}: {key} is {found}, but session {self.id!r} needs {needed} to go on without a "
                    "break; open a session of its own for it"
                )

    def warmed(self, decoder: Decoder) -> tuple[State, int]:
        """The encoder state of another decoder that has heard the latest hops, and the newest of these; any thread."""
        state, newest = decoder.start(self.tracks), -1
        for hop in self.heard.copy():
            _, [state] = decoder.encode([hop], [state])
            newest = hop.number
        return state, newest

    def swap(self, decoder: Decoder, warm: State, newest: int) -> None:
        """Let another decoder decode from the next hop on; `warm` has heard the hops up to number `newest`."""
        if not self.heard or self.heard[0].number > newest:  # samples were lost since: what was heard before is void
            warm = decoder.start(self.tracks)
        for hop in self.heard:
            if hop.number > newest:
                _, [warm] = decoder.encode([hop], [warm])
        fresh = decoder.start(self.tracks, self.adapt) | prefixed("encoder", substate(warm, "encoder"))
        heard = {key: value for key, value in self.state.items() if not key.startswith(("encoder.", "follow."))}
        self.state = fresh | heard
        self.decoder, self.supervisor.manifest = decoder, decoder.bundle.manifest
        self.tell("swapped", f"Bundle {decoder.bundle.manifest.name!r} decodes from here on.")


def _listed(names: list[str]) -> str:
    """The names, or the first of very many."""
    return (
        ", ".join(names)
        if len(names) <= MOST_NAMED
        else f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} others"
    )
