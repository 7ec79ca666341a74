"""Which markers begin trials, and at which sample. Which hops a trial has is decided in decoding/frontend.py.

Duplicate, late and foreign markers are reported, and trials that overlap on one track.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pylsl import local_clock

from realtime.decoding.frontend import Frontend
from realtime.decoding.hop import MAX_TRACKS
from realtime.live.messages import TrialMessage
from realtime.state import State
from realtime.stream import Chunk, Marker

# A marker stamped further ahead of signal and clock, or further behind the signal, comes from another clock.
MAX_AHEAD_S, MAX_MARKER_AGE_S = 10.0, 3600.0
MAX_MARKERS_A_SECOND = 50  # five times the fastest picture streams; more come from a broken sender
SAME_ONSET_SAMPLES = 1  # the same label this near to a known onset is that trial, sent twice or by a second stream


@dataclass
class TrialMarkers:
    """The trials of one session.

    `report_status(state, detail)` gets what is wrong with markers, `publish` a message for every trial.
    """

    session: str
    report_status: Callable[[str, str], None]
    publish: Callable[[TrialMessage], None]
    recent: deque[tuple[int, str]] = field(
        default_factory=lambda: deque(maxlen=4 * MAX_MARKERS_A_SECOND)
    )  # onset (sample number) and marker
    _tracks_needed: int = 0  # as reported
    _reported: set[str] = field(default_factory=set)  # states that are reported once a session

    def onsets(
        self, markers: Sequence[Marker], events: Mapping[str, str], chunk: Chunk, front: Frontend, state: State
    ) -> tuple[list[int], list[tuple[int, str]]]:
        """Sample numbers of the trials that begin with `markers`, and trial number and label of each.

        `events` maps markers to labels. `chunk` is the newest one and gives the clock. Every trial is published.
        """
        n_trials, sfreq = front.n_trials(state), chunk.sfreq
        onsets, labels, foreign = list[int](), list[tuple[int, str]](), list[tuple[str, float]]()
        for marker in markers:
            if marker.label not in events:
                continue
            # A replay faster than real time runs ahead of the clock, a stream that is stale stays behind it.
            newest = chunk.time_of(chunk.index + len(chunk.samples))
            if not newest - MAX_MARKER_AGE_S < marker.t_lsl <= max(newest, local_clock()) + MAX_AHEAD_S:
                foreign.append((marker.label, marker.t_lsl - newest))
                continue
            onset = chunk.index_of(marker.t_lsl)
            if not self._is_new(onset, marker.label, sfreq):
                continue
            self._report_overlap(onset, front.n_tracks(state), round(front.window_s * sfreq), sfreq)
            self._report_late(marker.label, onset, sfreq, front, state)
            trial, label = n_trials + len(onsets), events[marker.label]
            labels.append((trial, label))
            self.publish(TrialMessage(self.session, trial, marker.t_lsl, marker.label, label))
            onsets.append(onset)
        if foreign:
            self._report_foreign(*foreign[-1], len(foreign))
        return onsets, labels

    def restore(self, recent: Iterable[tuple[int, str]]) -> None:
        """Continue with the trials of a saved session. The same markers arrive here too, which is not reported."""
        self.recent.extend(recent)
        self._reported.add("duplicate_marker")

    def _report_late(self, label: str, onset: int, sfreq: float, front: Frontend, state: State) -> None:
        expected = front.next_sample(state)
        if (before := front.segment_start(state) - onset) > 0:
            self.report_status(
                "late_marker",
                f"Marker {label!r} is of {before / sfreq * 1e3:.0f} ms before the samples that came without a break: "
                "its trial is not decoded.",
            )
        elif onset < expected - round(sfreq * front.hop_s):
            late_ms = (expected - onset) / sfreq * 1e3
            self.report_status("late_marker", f"Marker {label!r} came {late_ms:.0f} ms after its sample.")

    def _report_foreign(self, label: str, ahead_s: float, n: int) -> None:
        """Report dropped markers, once for all that came together: a wrong clock may be wrong in many."""
        where = f"{round(abs(ahead_s), 0):.12g} s {'ahead of' if ahead_s > 0 else 'behind'} the signal"
        subject = (
            f"Marker {label!r} is stamped {where}"
            if n == 1
            else f"{n} markers are stamped by another clock than LSL's, the latest, {label!r}, {where},"
        )
        self.report_status("bad_marker", f"{subject} and dropped: their sender must use LSL's clock.")

    def _report_overlap(self, onset: int, tracks: int, window: int, sfreq: float) -> None:
        """Report that a trial ends early because another begins on its track, and again when more tracks are needed.

        Two trials share a track where their numbers differ by a multiple of `tracks`.
        """
        # To the newest trial, the one before, ...; every `tracks`-th shares our track, first this trial itself.
        distances = [abs(onset - earlier) for earlier, _ in reversed(self.recent)]
        if (nearest := min(distances[tracks::tracks], default=window)) < window:
            needed = 1 + max(ago for ago, samples in enumerate(distances) if samples < window)
            if needed <= self._tracks_needed:
                return
            self._tracks_needed = needed
            advice = (
                f"to decode both to the end, open the session with {needed} tracks"
                if needed <= MAX_TRACKS
                else f"both to the end would need {needed} tracks, and {MAX_TRACKS} are the most: check their sender"
            )
            self.report_status(
                "overlap",
                f"Two trials begin within {nearest / sfreq:.2g} s, and the later cuts short the window of "
                f"{window / sfreq:.2g} s of the earlier: {advice}.",
            )

    def _is_new(self, onset: int, label: str, sfreq: float) -> bool:
        """Whether the marker begins a trial of its own; then it is kept in `recent`."""
        if any(abs(onset - near) <= SAME_ONSET_SAMPLES and label == marker for near, marker in self.recent):
            self._report_once(
                "duplicate_marker",
                f"Marker {label!r} came twice for one moment, as if two streams sent it: taken once.",
            )
            return False
        if sum(abs(onset - near) < sfreq for near, _ in self.recent) >= MAX_MARKERS_A_SECOND:
            self._report_once(
                "bad_marker",
                f"More than {MAX_MARKERS_A_SECOND} markers of trials within a second, the latest {label!r}: "
                "those beyond are dropped; check their sender.",
            )
            return False
        self.recent.append((onset, label))
        return True

    def _report_once(self, state: str, detail: str) -> None:
        if state not in self._reported:
            self._reported.add(state)
            self.report_status(state, detail)
