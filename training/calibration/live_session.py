"""Calibration trials from a live stream: the running experiment's own, or cues shown here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from pylsl import local_clock

from realtime.bundle.compatibility import check_stream
from realtime.errors import BadInput, StreamLost
from realtime.recordings.recording import Recording
from realtime.sources.connect import connect
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker
from training.runs.description import RunDescription

SILENT_S = 10.0  # without a sample the session ends
REST_S, REST_JITTER_S = 1.5, 0.5  # between two cues shown here


@dataclass
class SessionBuffer:
    """What has come so far."""

    sfreq: float  # Hz
    blocks: list[np.ndarray] = field(default_factory=list)  # microvolts, channels in the run's order
    gaps: list[tuple[int, int]] = field(default_factory=list)  # (row, samples lost before it)
    marks: list[tuple[int, str]] = field(default_factory=list)  # (number of the sample from the first one on, label)
    waiting: list[Marker] = field(default_factory=list)  # came before the first sample
    begin: int = 0  # number of the first sample
    n_rows: int = 0
    newest: Chunk | None = None

    @property
    def seconds(self) -> float:
        """Of signal, without what was lost."""
        return self.n_rows / self.sfreq

    def add(self, chunks: Sequence[Chunk], markers: Sequence[Marker], order: np.ndarray) -> None:
        """Keep samples, and the samples nearest to markers."""
        for chunk in chunks:
            if self.newest is None:
                self.begin = chunk.index
            elif chunk.gap_samples:
                self.gaps.append((self.n_rows, chunk.gap_samples))
            self.blocks.append(chunk.samples[:, order].astype(np.float32))
            self.n_rows += len(chunk.samples)
            self.newest = chunk
        self.waiting += markers
        if self.newest is not None:
            self.marks += [(self.newest.index_of(m.t_lsl) - self.begin, m.label) for m in self.waiting]
            self.waiting = []

    def recording(self, ch_names: Sequence[str], name: str) -> Recording:
        """All of it; marks before the first sample, in a hole or after the last one are left out."""
        if not self.blocks:
            raise BadInput(f"stream {name!r}: no sample came; check the amplifier")
        numbers = np.arange(self.n_rows)
        for row, lost in self.gaps:
            numbers[row:] += lost
        marks = [(int(np.searchsorted(numbers, n)), label) for n, label in sorted(self.marks) if n in numbers]
        samples = np.concatenate(self.blocks)
        return Recording(samples, self.sfreq, tuple(ch_names), tuple(marks), tuple(self.gaps), f"stream {name}")


@dataclass
class CuePresenter:
    """Labels in random order, each as often as any other, one a trial."""

    labels: Sequence[str]
    trial_s: float
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    left: list[str] = field(default_factory=list)
    due: float = field(default_factory=lambda: local_clock() + REST_S)

    def show(self, say: Callable[[str], None]) -> list[Marker]:
        """The cue if one is due, said and marked with the moment it was said."""
        if local_clock() < self.due:
            return []
        self.left = self.left or [self.labels[i] for i in self.rng.permutation(len(self.labels))]
        label = self.left.pop()
        say(label)
        now = local_clock()
        self.due = now + self.trial_s + REST_S + self.rng.uniform(0, REST_JITTER_S)
        return [Marker(label, now)]


def record_session(
    d: RunDescription, name: str, markers: str | None, seconds: float, say: Callable[[str], None]
) -> Recording:
    """So many seconds of signal from the stream `name`, with a label for each trial; Ctrl-C ends it early.

    Markers of the experiment that runs are followed. Where no marker stream is in sight, each trial's label is shown
    on the console: exact to some tens of milliseconds, which does for rhythms and not for evoked responses. A stream
    that ends or falls silent ends the session. BadInput for a stream that does not fit.
    """
    source = connect(StreamQuery(name, markers))
    try:
        order = check_stream(source.info, d)
        cues = None if source.marker_names or markers else CuePresenter(d.labels, d.window_s[1])
        if cues:
            say(
                f"no marker stream is in sight: for {seconds:g} s, do or look at what is named here until the next name"
            )
        else:
            say(f"for {seconds:g} s, markers of {', '.join(source.marker_names) or markers} are followed")
        heard, last = SessionBuffer(d.sfreq), local_clock()
        try:
            while heard.seconds < seconds and local_clock() - last < SILENT_S:
                chunks, found = source.pull(timeout_s=0.02)
                last = local_clock() if chunks else last
                known = [Marker(d.events[m.label], m.t_lsl) for m in found if m.label in d.events]
                heard.add(chunks, cues.show(say) if cues else known, order)
        except (StreamLost, KeyboardInterrupt) as error:
            say(f"the session ends after {heard.seconds:.0f} s: {str(error) or 'Ctrl-C'}")
    finally:
        source.close()
    return heard.recording(d.ch_names, name)
