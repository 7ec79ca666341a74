"""Calibration trials from a live stream: those of the running experiment, or cues shown here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pylsl import local_clock

from realtime.bundle.compatibility import check_stream
from realtime.errors import BadInput, StreamLost
from realtime.recordings.read_npz import SCHEMA_VERSION
from realtime.recordings.recording import Recording
from realtime.sources.connect import connect
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker
from training.runs.description import RunDescription

SILENT_S = 10.0  # without a sample the session ends
REST_S, REST_JITTER_S = 1.5, 0.5  # between two cues shown here


@dataclass
class SessionBuffer:
    """The samples and markers received so far."""

    sfreq: float  # Hz
    blocks: list[np.ndarray] = field(default_factory=list)  # microvolts, channels in the run's order
    gaps: list[tuple[int, int]] = field(default_factory=list)  # (row, samples lost before it)
    events: list[tuple[int, str]] = field(default_factory=list)  # (number of the sample from the first one on, label)
    pending: list[Marker] = field(default_factory=list)  # received before the first sample
    first_index: int = 0  # number of the first sample
    n_rows: int = 0
    newest: Chunk | None = None

    @property
    def seconds(self) -> float:
        """Of signal, without lost samples."""
        return self.n_rows / self.sfreq

    def add(self, chunks: Sequence[Chunk], markers: Sequence[Marker], order: np.ndarray) -> None:
        """Append samples, and the numbers of the samples nearest to markers."""
        for chunk in chunks:
            if self.newest is None:
                self.first_index = chunk.index
            elif chunk.gap_samples:
                self.gaps.append((self.n_rows, chunk.gap_samples))
            self.blocks.append(chunk.samples[:, order].astype(np.float32))
            self.n_rows += len(chunk.samples)
            self.newest = chunk
        self.pending += markers
        if self.newest is not None:
            newest, first = self.newest, self.first_index
            self.events += [(newest.index_of(marker.t_lsl) - first, marker.label) for marker in self.pending]
            self.pending = []

    def recording(self, ch_names: Sequence[str], name: str) -> Recording:
        """The whole recording; events before the first sample, in a gap or after the last sample are left out."""
        if not self.blocks:
            raise BadInput(f"stream {name!r}: no sample came; check the amplifier")
        numbers = np.arange(self.n_rows)
        for row, lost in self.gaps:
            numbers[row:] += lost
        markers = [(int(np.searchsorted(numbers, n)), label) for n, label in sorted(self.events) if n in numbers]
        samples = np.concatenate(self.blocks)
        return Recording(samples, self.sfreq, tuple(ch_names), tuple(markers), tuple(self.gaps), f"stream {name}")


@dataclass
class CuePresenter:
    """Labels in random order, each as often as any other, one a trial."""

    labels: Sequence[str]
    trial_s: float
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    remaining: list[str] = field(default_factory=list)
    due: float = field(default_factory=lambda: local_clock() + REST_S)  # LSL clock

    def show(self, report: Callable[[str], None]) -> list[Marker]:
        """The next cue if it is due: reported, and marked with the time of the report."""
        if local_clock() < self.due:
            return []
        self.remaining = self.remaining or [self.labels[i] for i in self.rng.permutation(len(self.labels))]
        label = self.remaining.pop()
        report(label)
        now = local_clock()
        self.due = now + self.trial_s + REST_S + self.rng.uniform(0, REST_JITTER_S)
        return [Marker(label, now)]


def record_session(
    description: RunDescription, name: str, markers: str | None, seconds: float, report: Callable[[str], None]
) -> Recording:
    """So many seconds of signal from the stream `name`, with a label for each trial; Ctrl-C ends it early.

    Markers of the running experiment are followed. Without a marker stream, the label of each trial is reported as a
    cue: exact to some tens of milliseconds, which is enough for rhythms and not for evoked responses. A stream that
    ends or falls silent ends the session. BadInput for a stream that does not fit.
    """
    source = connect(StreamQuery(name, markers))
    try:
        order = check_stream(source.info, description)
        cues = None if source.marker_names or markers else CuePresenter(description.labels, description.window_s[1])
        if cues:
            report(f"no marker stream was found: for {seconds:g} s, follow each cue shown here until the next one")
        else:
            report(f"for {seconds:g} s, markers of {', '.join(source.marker_names) or markers} are followed")
        buffer, last = SessionBuffer(description.sfreq), local_clock()
        label_of = description.events
        try:
            while buffer.seconds < seconds and local_clock() - last < SILENT_S:
                chunks, received = source.pull(timeout_s=0.02)
                last = local_clock() if chunks else last
                known = [marker for marker in received if marker.label in label_of]
                events = [Marker(label_of[marker.label], marker.t_lsl) for marker in known]
                buffer.add(chunks, cues.show(report) if cues else events, order)
        except (StreamLost, KeyboardInterrupt) as error:
            report(f"the session ends after {buffer.seconds:.0f} s: {str(error) or 'Ctrl-C'}")
    finally:
        source.close()
    return buffer.recording(description.ch_names, name)


def save_live_recording(recording: Recording, path: Path) -> None:
    """Write a session as an npz that a dataset file can name, so that nobody has to repeat it.

    Lost samples get the last value before them, so that markers keep their times.
    """
    lost_before = np.zeros(len(recording.samples), int)
    for row, lost in recording.gaps:
        lost_before[row:] += lost
    numbers = np.arange(len(recording.samples)) + lost_before
    filled = np.searchsorted(numbers, np.arange(numbers[-1] + 1), side="right") - 1
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")  # renamed once it is complete
    np.savez(
        partial,
        schema_version=SCHEMA_VERSION,
        samples=recording.samples[filled],
        sfreq=recording.sfreq,
        ch_names=recording.ch_names,
        markers=[(str(numbers[row]), label) for row, label in recording.markers],
    )
    partial.rename(path)


def unused_path(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 ... that does not exist, so that no session is overwritten."""
    candidate, k = path, 2
    while candidate.exists():
        candidate, k = path.with_stem(f"{path.stem}-{k}"), k + 1
    return candidate
