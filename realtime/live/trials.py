"""Which markers begin trials, and at which sample: duplicates, storms, late ones and overlaps are told, not hidden."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pylsl import local_clock

from realtime.decoding.frontend import Frontend
from realtime.state import State
from realtime.stream import Chunk, Marker

AHEAD_S, AGO_S = 10.0, 3600.0  # a marker stamped so far ahead of signal and clock, or before, is of another clock
MAX_TRACKS = 32  # a session may ask for: see serve.protocol.rest
MAX_MARKERS_A_SECOND = 50  # trials; five times the fastest picture streams, so more is a sender gone wild
TWICE_SAMPLES = 1  # the same label so near an onset already told is that trial, sent by a second stream or again


@dataclass
class TrialMarkers:
    """The trials one session has been told of.

    `tell(state, detail)` and `publish(message)` say what was found.
    """

    session: str
    tell: Callable[[str, str], None]
    publish: Callable[[dict[str, Any]], None]
    recent: deque[tuple[int, str]] = field(
        default_factory=lambda: deque(maxlen=4 * MAX_MARKERS_A_SECOND)
    )  # onset, marker
    _needed: int = 0  # tracks, as said
    _said: set[str] = field(default_factory=set)  # complaints that are made once a session

    def onsets(
        self, markers: list[Marker], events: Mapping[str, str], chunk: Chunk, front: Frontend, state: State
    ) -> tuple[list[int], list[tuple[int, str]]]:
        """Sample numbers of the trial starts among `markers`, for `front`, and (trial, label) of each.

        Clients are told of each.

        `chunk` is the newest one and gives the clock.
        """
        expected, told, tracks = front.next_sample(state), int(state["onset.told"]), len(state["onset.current"])
        onsets, labels, foreign = list[int](), list[tuple[int, str]](), list[tuple[str, float]]()
        for marker in markers:
            if marker.label not in events:
                continue
            # A replay faster than real time runs ahead of the clock, a stream that is stale stays behind it.
            newest = chunk.time_of(chunk.index + len(chunk.samples))
            if not newest - AGO_S < marker.t_lsl <= max(newest, local_clock()) + AHEAD_S:
                foreign.append((marker.label, marker.t_lsl - newest))
                continue
            onset = chunk.index_of(marker.t_lsl)
            if not self._is_new(onset, marker.label, chunk.sfreq):
                continue
            self._tell_overlap(onset, tracks, round(front.window_s * chunk.sfreq), chunk.sfreq)
            if (before := int(state["hop.origin"]) - onset) > 0:
                self.tell(
                    "late_marker",
                    f"Marker {marker.label!r} is of {before / chunk.sfreq * 1e3:.0f} ms before the samples that came "
                    "without a break: its trial is not decoded.",
                )
            elif onset < expected - round(chunk.sfreq * front.hop_s):
                late_ms = (expected - onset) / chunk.sfreq * 1e3
                self.tell("late_marker", f"Marker {marker.label!r} came {late_ms:.0f} ms after its sample.")
            labels.append((told + len(onsets), events[marker.label]))
            self.publish(
                {
                    "type": "trial",
                    "session": self.session,
                    "trial": told + len(onsets),
                    "t_onset": marker.t_lsl,
                    "marker": marker.label,
                    "label": events[marker.label],
                }
            )
            onsets.append(onset)
        if foreign:
            self._tell_foreign(*foreign[-1], len(foreign))
        return onsets, labels

    def recall(self, recent: Iterable[tuple[int, str]]) -> None:
        """Go on from what another session was told of: the same markers come here too, and that is no complaint."""
        self.recent.extend(recent)
        self._said.add("duplicate_marker")

    def _tell_foreign(self, label: str, ahead_s: float, n: int) -> None:
        """Say that markers are dropped, once for all that came together: a wrong clock may be wrong in a storm."""
        where = f"{round(abs(ahead_s), 0):.12g} s {'ahead of' if ahead_s > 0 else 'behind'} the signal"
        found = (
            f"Marker {label!r} is stamped {where}"
            if n == 1
            else f"{n} markers are stamped by another clock than LSL's, the latest, {label!r}, {where},"
        )
        self.tell("bad_marker", f"{found} and dropped: their sender must use LSL's clock.")

    def _tell_overlap(self, onset: int, tracks: int, window: int, sfreq: float) -> None:
        """Say that a trial whose window is not over ends where another begins, and again when more tracks are needed.

        Two trials share a track where they are told a multiple of `tracks` trials apart.
        """
        apart = [abs(onset - at) for at, _ in reversed(self.recent)]  # from those told 0, 1, 2 ... trials ago
        if (passed := min(apart[tracks::tracks], default=window)) < window:
            needed = 1 + max(ago for ago, samples in enumerate(apart) if samples < window)
            if needed <= self._needed:
                return
            self._needed = needed
            cure = (
                f"to decode both to the end, open the session with {needed} tracks"
                if needed <= MAX_TRACKS
                else f"both to the end would take {needed} tracks, and {MAX_TRACKS} are the most: check their sender"
            )
            self.tell(
                "overlap",
                f"Of two trials {passed / sfreq:.2g} s apart the later cuts short the window of {window / sfreq:.2g} s "
                f"of the earlier: {cure}.",
            )

    def _is_new(self, onset: int, label: str, sfreq: float) -> bool:
        if any(abs(onset - at) <= TWICE_SAMPLES and label == other for at, other in self.recent):
            self._once(
                "duplicate_marker",
                f"Marker {label!r} came twice for one moment, as if two streams sent it: taken once.",
            )
            return False
        if sum(abs(onset - at) < sfreq for at, _ in self.recent) >= MAX_MARKERS_A_SECOND:
            self._once(
                "bad_marker",
                f"More than {MAX_MARKERS_A_SECOND} markers of trials within a second, the latest {label!r}: "
                "those beyond are dropped; check their sender.",
            )
            return False
        self.recent.append((onset, label))
        return True

    def _once(self, state: str, detail: str) -> None:
        if state not in self._said:
            self._said.add(state)
            self.tell(state, detail)
