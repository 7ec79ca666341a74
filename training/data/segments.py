"""Recordings to network-ready arrays, by the same steps that run live.

Crops for training are cut at any phase of the hop; whole recordings for evaluation are cut exactly as live.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decoder.windows import cut_window
from realtime.decoding.frontend import Frontend
from realtime.decoding.hop import Hop
from realtime.recordings.recording import Recording
from realtime.state import State


@dataclass(frozen=True)
class Segment:
    """An unbroken preprocessed span of a recording with its trials."""

    signal: np.ndarray  # float32 (n_channels, n_times) at the network's rate
    sample: np.ndarray  # int64 (n_times,): newest recording sample used by each column
    onsets: np.ndarray  # int64 (n_trials,): recording samples, ascending
    labels: np.ndarray  # int64 (n_trials,): index into the label names
    sfreq_in: float  # rate of the recording, Hz


def preprocess_recording(recording: Recording, frontend: Frontend, label_names: Sequence[str]) -> list[Segment]:
    """Preprocess a recording, from a fresh state after each gap; a label's number is its index in `label_names`."""
    state: State = frontend.start_signal()
    number = {name: i for i, name in enumerate(label_names)}
    marks = [(sample, number[label]) for sample, label in event_samples(recording)]
    segments = []
    for begin, end, origin in unbroken_spans(recording):
        y, _, state = frontend.signal(recording.samples[begin:end].astype(float), state)
        inside = [(s, label) for s, label in marks if origin <= s < origin + end - begin]
        segments.append(
            Segment(
                signal=np.ascontiguousarray(y.T, np.float32),
                sample=origin + frontend.preprocess.resample.newest_input(np.arange(len(y))),
                onsets=np.array([s for s, _ in inside], np.int64),
                labels=np.array([label for _, label in inside], np.int64),
                sfreq_in=recording.sfreq,
            )
        )
        state = frontend.resume_signal(state)
    return segments


def recording_hops(recording: Recording, frontend: Frontend, chunk_s: float | None = None) -> list[list[Hop]]:
    """Every hop of a recording, cut as live with all markers known in advance, one list per unbroken span.

    `chunk_s` feeds the samples in chunks of that length; the hops are the same to the last bit.
    """
    state = frontend.start()
    onsets = [sample for sample, _ in event_samples(recording)]
    size = len(recording.samples) if chunk_s is None else max(1, round(chunk_s * recording.sfreq))
    runs = []
    for begin, end, origin in unbroken_spans(recording):
        if lost := origin - frontend.next_sample(state):
            state = frontend.skip(state, lost)
        run = []
        for first in range(begin, end, size):
            hops, state = frontend.step(recording.samples[first : min(first + size, end)].astype(float), state, onsets)
            run += hops
            onsets = []
        runs.append(run)
    return runs


def unbroken_spans(recording: Recording) -> list[tuple[int, int, int]]:
    """Unbroken spans of a recording: first row, last row + 1, stream number of the first sample."""
    begins = [0, *(row for row, _ in recording.gaps)]
    ends = [*(row for row, _ in recording.gaps), len(recording.samples)]
    lost = np.cumsum([0, *(n for _, n in recording.gaps)])
    return [(begin, end, begin + int(n)) for begin, end, n in zip(begins, ends, lost, strict=True)]


def event_samples(recording: Recording) -> list[tuple[int, str]]:
    """The markers, with the stream's sample number in place of the row; lost samples are counted."""
    rows = np.array([row for row, _ in recording.gaps])
    lost = np.cumsum([0, *(n for _, n in recording.gaps)])
    return [(row + int(lost[np.searchsorted(rows, row, side="right")]), label) for row, label in recording.markers]


def trial_windows(
    segments: Sequence[Segment], sfreq: float, window_s: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Every trial's window at the network's rate `sfreq`, float32 (n_trials, n_channels, n_times), and its label.

    Beyond the segment's ends the signal is zero.
    """
    first, n_times = round(window_s[0] * sfreq), round((window_s[1] - window_s[0]) * sfreq)
    windows, labels = [], []
    for segment in segments:
        columns = np.searchsorted(segment.sample, segment.onsets) + first
        windows += [cut_window(segment.signal, int(column), n_times)[0] for column in columns]
        labels += list(segment.labels)
    n_channels = len(segments[0].signal)
    return np.array(windows, np.float32).reshape(-1, n_channels, n_times), np.array(labels, np.int64)
