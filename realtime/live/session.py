"""One stream decoded by one bundle: sample numbers across gaps and reconnections, trials, hops and status messages.

Everything here runs in the engine's thread. The reader's thread has a StreamReader of its own; only `publish_status`
is called from there.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field, replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

import numpy as np

from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop
from realtime.live.messages import Message, status_message
from realtime.live.packet import Packet, Progress
from realtime.live.stream_reader import StreamReader
from realtime.live.traces import trace_frame
from realtime.live.trial_markers import MAX_AHEAD_S, TrialMarkers
from realtime.quality.bad_channels import REASONS
from realtime.state import State
from realtime.stream import Chunk, Marker, Source

if TYPE_CHECKING:
    from realtime.sources.query import StreamQuery

# Samples older than this are dropped: decoding cannot keep up. It is many times what a busy machine or a start-up
# costs, so that a hiccup drops nothing, while a decoder that is a little too slow reaches it all the same.
MAX_BEHIND_S = 5.0
PAUSE_S = 60.0  # samples that a paused session keeps; older ones are lost, as a gap
MAX_NAMED = 8  # channels in one sentence
RECENT_S = 10.0  # hops that warm up the encoder of a new bundle
MAX_WAITING = 500  # markers kept while no samples come; only the newest can belong to samples to come


@dataclass
class Session:
    """One open session; its reader's thread is not started yet."""

    id: str
    decoder: Decoder
    query: "StreamQuery"
    connect: Callable[["StreamQuery"], Source]
    wake: Callable[[], None]  # called when something has been read
    publish: Callable[[str, Message], None]
    tracks: InitVar[int] = 1  # trials decoded at once
    paused: bool = False
    adapt: InitVar[bool] = False  # whether label vectors follow the person as labelled trials end
    state: State = field(init=False)
    reader: StreamReader = field(init=False)
    trials: TrialMarkers = field(init=False)
    recent_hops: deque[Hop] = field(init=False)  # unbroken hops decoded last
    clock_offset_s: float | None = None  # the stream's clock minus this machine's, as measured with `chunk`
    chunk: Chunk | None = None  # the newest one, in the session's own sample numbers
    offset: int = 0  # added to the stream's sample numbers: a stream that returns numbers from 0 again
    t_next: float | None = None  # after a transfer: LSL seconds of the sample that is expected next
    waiting_markers: tuple[Marker, ...] = ()  # markers that came since the newest samples
    _bad: dict[str, str] = field(default_factory=dict)  # channels that were bad in the newest hop, with the reason
    _stream_reopened: bool = False  # the stream returned since the newest chunk: it numbers from 0 again
    _resumed_at: float = 0.0  # time.monotonic(): packets that waited before are late for a reason
    _n_taken: int = 0  # samples of all packets taken from the backlog

    def __post_init__(self, tracks: int, adapt: bool) -> None:
        front = self.decoder.frontend
        self.state = self.decoder.start(tracks, adapt)
        self.recent_hops = deque(maxlen=max(1, round(RECENT_S / front.hop_s)))
        self.trials = TrialMarkers(self.id, self.publish_status, lambda message: self.publish(self.id, message))
        self.reader = StreamReader(
            f"glimpse-{self.id}",
            self.decoder.bundle.manifest,
            self.query,
            self.connect,
            self.publish_status,
            self.wake,
            front.samples_to_next_hop,
        )

    def time_of(self, sample: int) -> float:
        """LSL seconds of a sample near the newest chunk."""
        assert self.chunk is not None
        return self.chunk.time_of(sample)

    def publish_status(self, state: str, detail: str) -> None:
        """Publish a status, from any thread."""
        self.publish(self.id, status_message(self.id, state, detail))

    def pause(self) -> None:
        """Stop decoding; the reader continues."""
        if not self.paused:
            self.paused = True
            self.publish_status("paused", f"Decoding waits; samples of the last {PAUSE_S:g} s are kept.")

    def resume(self) -> None:
        """Decode what has waited, and continue."""
        if self.paused:
            self.paused, self._resumed_at = False, monotonic()
            self.publish_status("resumed", "Decoding goes on.")

    # --- packets

    def next_packet(self) -> Packet | None:
        """The oldest packet of the backlog, if any.

        Where it is more than MAX_BEHIND_S old, all waiting packets become one: the newest samples and all markers.
        """
        backlog = self.reader.backlog
        if self.paused:
            while backlog and monotonic() - backlog[0].arrived > PAUSE_S:
                self._stream_reopened |= self._pop_packet().reconnected
                self.report_progress()
        if self.paused or not backlog:
            return None
        oldest = self._pop_packet()
        late_s = monotonic() - max(oldest.arrived, self._resumed_at)
        if late_s < MAX_BEHIND_S:
            return oldest
        packets = [oldest, *(self._pop_packet() for _ in range(len(backlog)))]
        if len(packets) > 1:
            self.publish_status(
                "behind",
                f"Decoding is {late_s:.1f} s behind the samples, so what waited is dropped: close other sessions or "
                "use a faster machine.",
            )
        newest = next((packet for packet in reversed(packets) if packet.chunk is not None), oldest)
        markers = tuple(marker for packet in packets for marker in packet.markers)
        return replace(newest, markers=markers, reconnected=any(packet.reconnected for packet in packets))

    def prepare_packet(self, packet: Packet) -> list[tuple[Hop, float]]:
        """Hops completed by a packet, each with the milliseconds that its preprocessing took."""
        began = perf_counter()
        markers = self.waiting_markers + packet.markers
        self._stream_reopened |= packet.reconnected
        if packet.chunk is None:
            self.waiting_markers = markers[-MAX_WAITING:]
            return []
        self.waiting_markers = ()
        self.clock_offset_s = packet.clock_offset_s
        self.chunk = chunk = self._renumber(packet.chunk)
        samples = chunk.samples[:, packet.order]
        events = self.decoder.bundle.manifest.events
        onsets, labels = self.trials.onsets(markers, events, chunk, self.decoder.frontend, self.state)
        hops, self.state = self.decoder.prepare(samples, self.decoder.with_labels(self.state, labels), onsets)
        self.report_progress()
        for hop in hops:
            self._report_bad_channels(hop)
        self.recent_hops.extend(hops)
        if len(samples):
            self.publish(self.id, trace_frame(self.id, chunk, packet.order))
        ms = (perf_counter() - began) * 1e3 / max(len(hops), 1)
        return [(hop, ms) for hop in hops]

    def report_progress(self) -> None:
        """Tell the reader how far decoding is."""
        self.reader.update(Progress(self._n_taken, self.decoder.frontend.samples_seen(self.state)))

    def _pop_packet(self) -> Packet:
        packet = self.reader.backlog.popleft()
        self._n_taken += packet.n_samples
        return packet

    # --- sample numbers

    def _renumber(self, chunk: Chunk) -> Chunk:
        """The chunk in the session's sample numbers, without samples that were decoded; lost samples become a gap."""
        if self.t_next is not None:
            self._after_transfer(chunk, self.t_next)
        elif self._stream_reopened:
            self._after_reconnect(chunk)
        self._stream_reopened = False
        chunk = replace(chunk, index=chunk.index + self.offset)
        expected = self.decoder.frontend.next_sample(self.state)
        if (lost := chunk.index - expected) > 0:
            self._skip(lost)
            self.publish_status(
                "gap", f"{lost} samples ({lost / chunk.sfreq:.3g} s) were lost; the running trial is dropped."
            )
        return chunk.after(min(-lost, len(chunk.samples))) if lost < 0 else chunk

    def _after_reconnect(self, chunk: Chunk) -> None:
        """Continue the numbers from before the stream was lost, by the clock."""
        expected = self.decoder.frontend.next_sample(self.state)
        lost = 0
        if self.chunk is not None:
            lost = max(0, self.chunk.index_of(chunk.t_first) - expected)
            self._skip(lost)
        self.offset = expected + lost - chunk.index
        self.publish_status("reconnected", f"Samples arrive again; {lost} were lost.")

    def _after_transfer(self, chunk: Chunk, t_next: float) -> None:
        """After a saved session was loaded: number the samples as it would, by the newest line through the stamps."""
        newest, backlog = chunk, self.reader.backlog
        for packet in (backlog[i] for i in range(len(backlog))):  # the reader may append meanwhile
            if packet.reconnected or (packet.chunk is not None and packet.chunk.clock_step_s):
                break  # later packets have other numbers or another clock
            newest = packet.chunk or newest
        expected_at = newest.index_of(t_next)
        if (ahead_s := t_next - newest.time_of(newest.index + len(newest.samples))) > PAUSE_S + MAX_AHEAD_S:
            self._skip(1)
            expected_at = chunk.index
            self.publish_status(
                "gap",
                f"The saved session expects samples {ahead_s:.0f} s ahead, by another clock, as after a reboot: how "
                "many were lost is not known; the running trial is dropped.",
            )
        self.offset = self.decoder.frontend.next_sample(self.state) - expected_at
        self.t_next = None

    def _skip(self, lost: int) -> None:
        self.state = self.decoder.skip(self.state, lost)
        self.recent_hops.clear()

    # --- reports

    def _report_bad_channels(self, hop: Hop) -> None:
        """Report changes: values replaced because they were not finite, channels flagged, channels good again."""
        reasons = {self.decoder.ch_names[i]: REASONS[hop.reason[i]] for i in np.flatnonzero(hop.reason)}
        held = [name for name, reason in reasons.items() if reason == "held" and name not in self._bad]
        if held:
            self.publish_status("bad_samples", f"NaN or Inf from {', '.join(held)}: held at the last good value.")
        bad = {name: reason for name, reason in reasons.items() if reason != "held"}
        before = {name for name, reason in self._bad.items() if reason != "held"}
        if new := [f"{name} ({reason})" for name, reason in bad.items() if name not in before]:
            how = "interpolated from the good ones" if len(bad) < len(hop.reason) else "none is good"
            self.publish_status("bad_channels", f"Bad, and {how}: {_listing(new)}.")
        if good := [name for name in self._bad if name in before and name not in bad]:
            self.publish_status("bad_channels", f"Good again: {_listing(good)}.")
        self._bad = reasons


def _listing(names: list[str]) -> str:
    """The names, or the first of very many."""
    if len(names) <= MAX_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMED])} and {len(names) - MAX_NAMED} others"
