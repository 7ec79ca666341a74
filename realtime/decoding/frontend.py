"""Repairs, preprocesses and cuts samples into hops, each with the samples that it used and the time since onset.

Sample numbers count from the start of the stream and include lost samples. Trials that overlap run on tracks: trial n
on track n % n_tracks, so each has its whole window if there are enough tracks.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from realtime.decoding.hop import NO_TRIAL, Hop, TrialClock
from realtime.preprocess.chain import Preprocess
from realtime.quality.repair import ChannelRepair, QualityMarks
from realtime.state import State, prefixed, substate

# Decisions within this time after a gap are flagged: the high-pass and the network's memory are still filling.
SETTLE_S = 1.0
N_ONSETS = "onset.told"  # an old name: saved sessions contain it


class Repair(Protocol):
    """Finds and repairs bad channels and artifacts, as ChannelRepair does."""

    def start(self) -> State:
        """State before the first sample of a stream."""

    def resume(self, state: State) -> State:
        """State after lost samples."""

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """Repaired samples (n_times, n_channels), their marks, and the new state."""


class Frontend:
    """Repair, preprocessing and cutting into hops: `hops, state = front.step(samples, state, onsets)`.

    `positions_m` (n_channels, 3), NaN where unknown, is what bad channels are interpolated by; None: all unknown.
    `repair` is used instead of a ChannelRepair made from them.
    State: quality.*  bad channels and artifacts; pre.*  preprocessing; hop.left float64[n, C]  samples short of a hop;
    hop.number, hop.origin (number of the segment's first sample), hop.settled (first sample that is no longer flagged
    as after a gap), hop.reason int8[C], hop.artifact bool  marks since the last hop; onset.pending int64[k, 2],
    onset.current int64[n_tracks, 2]  sample and number of trials to come, and of the latest one of each track;
    N_ONSETS  number of onsets so far.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        hop_samples: int,
        window_s: float,
        positions_m: np.ndarray | None = None,
        repair: Repair | None = None,
    ):
        self.preprocess, self.hop_samples, self.window_s = preprocess, hop_samples, window_s
        known_m = np.full((len(preprocess.ch_names), 3), np.nan) if positions_m is None else positions_m
        self.quality = repair or ChannelRepair(preprocess.ch_names, known_m, preprocess.sfreq_in)

    @property
    def hop_s(self) -> float:
        """Seconds between decisions."""
        return self.hop_samples / self.preprocess.config.sfreq

    def samples_to_next_hop(self, n_in: int) -> int:
        """Samples that complete the next hop after `n_in` samples of the segment."""
        resample = self.preprocess.resample
        n_out = (n_in * resample.up - 1) // resample.down + 1
        last = (n_out // self.hop_samples + 1) * self.hop_samples - 1
        return resample.newest_input(last) + 1 - n_in

    def start_signal(self) -> State:
        """State of `signal` before the first sample of a stream."""
        return {**prefixed("quality", self.quality.start()), **prefixed("pre", self.preprocess.start())}

    def resume_signal(self, state: State) -> State:
        """State of `signal` after lost samples."""
        return {
            **prefixed("quality", self.quality.resume(substate(state, "quality"))),
            **prefixed("pre", self.preprocess.resume(substate(state, "pre"))),
        }

    def signal(self, samples: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """Repaired and preprocessed `samples`, not cut yet, and the marks of each."""
        repaired, marks, quality = self.quality.step(samples, substate(state, "quality"))
        y, pre = self.preprocess.step(repaired, substate(state, "pre"))
        return y, marks, prefixed("quality", quality) | prefixed("pre", pre)

    def start(self, tracks: int = 1) -> State:
        """State before the first sample of a stream whose trials run on so many tracks."""
        n_channels = len(self.preprocess.ch_names)
        return {
            **self.start_signal(),
            "hop.left": np.zeros((0, n_channels)),
            "hop.number": np.array(0),
            "hop.origin": np.array(0),
            "hop.settled": np.array(0),
            "hop.reason": np.zeros(n_channels, np.int8),
            "hop.artifact": np.array(False),
            "onset.pending": np.zeros((0, 2), np.int64),
            "onset.current": NO_TRIAL.repeat(tracks, axis=0),
            N_ONSETS: np.array(0),
        }

    def samples_seen(self, state: State) -> int:
        """Number of samples in the present segment: since the start or the last lost samples."""
        return self.preprocess.samples_seen(substate(state, "pre"))

    def segment_start(self, state: State) -> int:
        """Number of the first sample of the present segment."""
        return int(state["hop.origin"])

    def next_sample(self, state: State) -> int:
        """Number of the sample that `step` expects next."""
        return self.segment_start(state) + self.samples_seen(state)

    def n_trials(self, state: State) -> int:
        """Number of onsets given so far, and so the number of the next trial."""
        return int(state[N_ONSETS])

    def n_tracks(self, state: State) -> int:
        """Number of trials that run at once; defined also for the shapes of a damaged state."""
        return int(state["onset.current"].size // 2)  # rows of sample and trial

    def skip(self, state: State, lost: int) -> State:
        """State after `lost` samples went missing: the hop being filled and the running trials end here."""
        resume = self.next_sample(state) + lost
        pending = state["onset.pending"]
        return {
            **self.resume_signal(state),
            "hop.left": state["hop.left"][:0],
            "hop.number": state["hop.number"],
            "hop.origin": np.array(resume),
            "hop.settled": np.array(resume + round(SETTLE_S * self.preprocess.sfreq_in)),
            "hop.reason": np.zeros_like(state["hop.reason"]),
            "hop.artifact": np.array(False),
            "onset.pending": pending[pending[:, 0] >= resume],
            "onset.current": NO_TRIAL.repeat(self.n_tracks(state), axis=0),
            N_ONSETS: state[N_ONSETS],
        }

    def step(self, samples: np.ndarray, state: State, onsets: Sequence[int] = ()) -> tuple[list[Hop], State]:
        """Hops completed by `samples` (n_times, n_channels) in microvolts; `onsets` are new trial starts.

        Trials are numbered in the order of the calls. An onset ahead of the samples waits. One behind them applies from
        the next hop on, unless a later trial of its track has started or samples were lost since.
        """
        origin, n_before = self.segment_start(state), self.samples_seen(state)
        y, marks, signal_state = self.signal(samples, state)
        remainder = np.concatenate([state["hop.left"], y])
        new = state | signal_state
        n_trials = self.n_trials(state)
        pending = state["onset.pending"]
        if numbered := [(sample, n_trials + i) for i, sample in enumerate(onsets) if sample >= origin]:
            pending = np.concatenate([pending, np.array(numbered, np.int64)])
        n_hops = len(remainder) // self.hop_samples
        first_out = self.preprocess.samples_made(substate(new, "pre")) - len(remainder)
        reason, artifact, begin = state["hop.reason"], bool(state["hop.artifact"]), 0
        hops = []
        for k in range(n_hops):
            newest = self.preprocess.resample.newest_input(first_out + (k + 1) * self.hop_samples - 1)
            sample, current = origin + newest, new["onset.current"]
            if len(pending):
                due = pending[:, 0] <= sample
                current, pending = _latest(current, pending[due]), pending[~due]
            own = slice(begin, newest - n_before + 1)
            hops.append(
                Hop(
                    signal=remainder[k * self.hop_samples : (k + 1) * self.hop_samples].T.astype(np.float32),
                    number=int(state["hop.number"]) + k,
                    sample=sample,
                    clocks=tuple(self._clock(sample - onset, trial) for onset, trial in current.tolist()),
                    reason=np.maximum(reason, marks.reason[own].max(axis=0, initial=0)),
                    gap=sample < int(state["hop.settled"]),
                    artifact=artifact or bool(marks.artifact[own].any()),
                )
            )
            new["onset.current"], reason, artifact, begin = current, np.zeros_like(reason), False, own.stop
        new |= {
            "hop.reason": np.maximum(reason, marks.reason[begin:].max(axis=0, initial=0)),
            "hop.artifact": np.array(artifact or bool(marks.artifact[begin:].any())),
            "hop.left": remainder[n_hops * self.hop_samples :],
            "hop.number": np.array(int(state["hop.number"]) + n_hops),
            "onset.pending": pending,
            N_ONSETS: np.array(n_trials + len(onsets)),
        }
        return hops, new

    def _clock(self, samples: int, trial: int) -> TrialClock:
        since_s = samples / self.preprocess.sfreq_in
        return TrialClock(trial, since_s) if since_s <= self.window_s else TrialClock()


def _latest(current: np.ndarray, started: np.ndarray) -> np.ndarray:
    """Sample and number of the latest trial of each track, after those that have `started` (n, 2) since."""
    if not len(started):
        return current
    tracks = started[:, 1] % len(current)
    return np.array([max([row, *started[tracks == i].tolist()]) for i, row in enumerate(current.tolist())])
