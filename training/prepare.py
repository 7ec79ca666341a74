"""Recordings to network-ready arrays, by the very steps that run live.

Crops for training are cut at any phase of the hop; whole recordings for evaluation are cut exactly as live.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.files.recording import Recording
from realtime.hops import Front, Hop
from realtime.state import State


@dataclass(frozen=True)
class Segment:
    """An unbroken preprocessed stretch of a recording with its trials."""

    signal: np.ndarray  # float32 (n_channels, n_times) at the network's rate
    sample: np.ndarray  # int64 (n_times,): newest recording sample used by each column
    onsets: np.ndarray  # int64 (n_trials,): recording samples, ascending
    labels: np.ndarray  # int64 (n_trials,): index into the label names
    sfreq_in: float  # rate of the recording, Hz


@dataclass(frozen=True)
class Crops:
    """Where the training crops lie: one per trial."""

    segments: tuple[Segment, ...]
    where: np.ndarray  # int64 (n_crops, 2): segment, trial in it
    n_hops: int  # of each crop
    hop_samples: int
    lead_hops: int  # of them before the onset
    window_s: tuple[float, float]

    @property
    def labels(self) -> np.ndarray:
        """Label index of each crop."""
        return np.array([self.segments[s].labels[t] for s, t in self.where])

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Crop `index`, begun `shift` samples late: signal (C, n_hops * hop), onset (n_hops,) in seconds, counts.

        Beyond the segment's ends the signal is zero. `onset` is negative where no trial runs; `counts` marks the hops
        that belong to the trial and its window and hold no padding. A trial that begins inside the window is ignored.
        """
        which, trial = self.where[index]
        segment = self.segments[which]
        at = np.searchsorted(segment.sample, segment.onsets[trial])
        begin = at - self.lead_hops * self.hop_samples + shift
        columns = begin + np.arange(self.n_hops * self.hop_samples)
        inside = (columns >= 0) & (columns < segment.signal.shape[1])
        signal = np.zeros((len(segment.signal), len(columns)), np.float32)
        signal[:, inside] = segment.signal[:, columns[inside]]
        ends = columns[self.hop_samples - 1 :: self.hop_samples]
        whole = inside.reshape(self.n_hops, self.hop_samples).all(axis=1)  # hops without padding
        sample = segment.sample[np.clip(ends, 0, segment.signal.shape[1] - 1)]
        current = np.minimum(np.searchsorted(segment.onsets, sample, side="right") - 1, trial)
        since = (sample - segment.onsets[np.maximum(current, 0)]) / segment.sfreq_in
        running = whole & (current >= 0) & (since <= self.window_s[1])
        counts = running & (current == trial) & (since >= self.window_s[0])
        return signal, np.where(running, since, -1.0).astype(np.float32), counts


def segments_of(recording: Recording, front: Front, label_names: Sequence[str]) -> list[Segment]:
    """Preprocess a recording, afresh after each gap; `label_names` number its markers' labels."""
    state: State = front.start_signal()
    number = {name: i for i, name in enumerate(label_names)}
    marks = [(sample, number[label]) for sample, label in marks_of(recording)]
    segments = []
    for begin, end, origin in pieces(recording):
        y, _, state = front.signal(recording.samples[begin:end].astype(float), state)
        inside = [(s, label) for s, label in marks if origin <= s < origin + end - begin]
        segments.append(
            Segment(
                signal=np.ascontiguousarray(y.T, np.float32),
                sample=origin + front.preprocess.resample.newest_input(np.arange(len(y))),
                onsets=np.array([s for s, _ in inside], np.int64),
                labels=np.array([label for _, label in inside], np.int64),
                sfreq_in=recording.sfreq,
            )
        )
        state = front.resume_signal(state)
    return segments


def crops_of(segments: Sequence[Segment], front: Front, window_s: tuple[float, float], lead_s: float) -> Crops:
    """One crop per trial, from `lead_s` before its onset to the end of the window.

    A trial in a segment too short for one sample at the network's rate gets none.
    """
    lead_hops = round(lead_s / front.hop_s)
    n_hops = lead_hops + int(np.ceil(window_s[1] / front.hop_s)) + 1
    where = [(i, t) for i, segment in enumerate(segments) if segment.signal.size for t in range(len(segment.onsets))]
    index = np.array(where, np.int64).reshape(-1, 2)
    return Crops(tuple(segments), index, n_hops, front.hop_samples, lead_hops, window_s)


def hops_of(recording: Recording, front: Front, chunk_s: float | None = None) -> list[list[Hop]]:
    """Every hop of a recording, cut as live with all markers known, one list per unbroken stretch.

    `chunk_s` feeds the samples in chunks of that length; the hops are the same to the last bit.
    """
    state = front.start()
    onsets = [sample for sample, _ in marks_of(recording)]
    size = len(recording.samples) if chunk_s is None else max(1, round(chunk_s * recording.sfreq))
    runs = []
    for begin, end, origin in pieces(recording):
        if lost := origin - front.next_sample(state):
            state = front.skip(state, lost)
        run = []
        for first in range(begin, end, size):
            hops, state = front.step(recording.samples[first : min(first + size, end)].astype(float), state, onsets)
            run += hops
            onsets = []
        runs.append(run)
    return runs


def pieces(recording: Recording) -> list[tuple[int, int, int]]:
    """Unbroken stretches of a recording: first row, last row + 1, stream number of the first sample."""
    begins = [0, *(row for row, _ in recording.gaps)]
    ends = [*(row for row, _ in recording.gaps), len(recording.samples)]
    lost = np.cumsum([0, *(n for _, n in recording.gaps)])
    return [(begin, end, begin + int(n)) for begin, end, n in zip(begins, ends, lost, strict=True)]


def marks_of(recording: Recording) -> list[tuple[int, str]]:
    """The markers with stream sample numbers, which count lost samples, for rows."""
    rows = np.array([row for row, _ in recording.gaps])
    lost = np.cumsum([0, *(n for _, n in recording.gaps)])
    return [(row + int(lost[np.searchsorted(rows, row, side="right")]), label) for row, label in recording.markers]
