"""Chunks of any size in, exact hops out, each knowing which samples it used and how long ago the trial began.

Sample numbers count from the start of the stream and include lost samples. Knows nothing of clocks or networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.preprocess import Preprocess
from realtime.state import State, named, part

NO_ONSET = -1  # in state["onset.current"]: no trial is running
# Decisions this soon after a gap are flagged: the high-pass and the network's memory are still filling.
SETTLE_S = 1.0


@dataclass(frozen=True)
class Hop:
    """What the encoder gets at one step."""

    signal: np.ndarray  # float32 (n_channels, hop_samples), running standard deviations
    number: int  # hops since the stream began
    sample: int  # number of the newest stream sample used
    trial: int | None  # trials since the stream began, None outside a trial
    since_onset_s: float | None  # from the trial's onset to `sample`
    bad: np.ndarray  # bool (n_channels,): samples of this hop that were not finite
    gap: bool  # samples were lost less than SETTLE_S ago

    @property
    def onset(self) -> float:
        """The encoder's onset input: seconds since onset, negative when none is known."""
        return -1.0 if self.since_onset_s is None else self.since_onset_s


class Front:
    """Preprocessing and the cutter in one: `hops, state = front.step(samples, state, onsets)`.

    State: pre.*  preprocessing; hop.left float64[n, C]  samples short of a hop; hop.number, hop.origin (number of the
    segment's first sample), hop.settled (first sample that is no longer flagged as after a gap), hop.bad int64[C];
    onset.pending int64[k], onset.current, onset.trial.
    """

    def __init__(self, preprocess: Preprocess, hop_samples: int, window_s: float):
        self.preprocess, self.hop_samples, self.window_s = preprocess, hop_samples, window_s

    @property
    def hop_s(self) -> float:
        """Seconds between decisions."""
        return self.hop_samples / self.preprocess.config.sfreq

    def start(self) -> State:
        """State before the first sample of a stream."""
        n_channels = len(self.preprocess.ch_names)
        return {
            **named("pre", self.preprocess.start()),
            "hop.left": np.zeros((0, n_channels)),
            "hop.number": np.array(0),
            "hop.origin": np.array(0),
            "hop.settled": np.array(0),
            "hop.bad": np.zeros(n_channels, np.int64),
            "onset.pending": np.zeros(0, np.int64),
            "onset.current": np.array(NO_ONSET),
            "onset.trial": np.array(0),
        }

    def next_sample(self, state: State) -> int:
        """Number of the sample that `step` expects next."""
        return int(state["hop.origin"] + state["pre.resample.n_in"])

    def skip(self, state: State, lost: int) -> State:
        """State after `lost` samples went missing: the hop being filled and the running trial end here."""
        resume = self.next_sample(state) + lost
        pending = state["onset.pending"]
        return {
            **named("pre", self.preprocess.resume(part(state, "pre"))),
            "hop.left": state["hop.left"][:0],
            "hop.number": state["hop.number"],
            "hop.origin": np.array(resume),
            "hop.settled": np.array(resume + round(SETTLE_S * self.preprocess.sfreq_in)),
            "hop.bad": np.zeros_like(state["hop.bad"]),
            "onset.pending": pending[pending >= resume],
            "onset.current": np.array(NO_ONSET),
            "onset.trial": state["onset.trial"] + np.count_nonzero(pending < resume),
        }

    def step(self, samples: np.ndarray, state: State, onsets: Sequence[int] = ()) -> tuple[list[Hop], State]:
        """Hops completed by `samples` (n_times, n_channels) in microvolts; `onsets` are trial starts newly known.

        An onset may lie ahead of the samples, and then waits, or behind, and then counts from the next hop on.
        """
        begun = self.next_sample(state) - int(state["hop.origin"])
        finite = np.isfinite(samples)
        y, pre = self.preprocess.step(samples, part(state, "pre"))
        left = np.concatenate([state["hop.left"], y])
        new = state | named("pre", pre)
        pending = np.sort(np.concatenate([state["onset.pending"], np.asarray(onsets, np.int64)]))
        n_hops = len(left) // self.hop_samples
        n_out = int(pre["resample.n_out"])
        last_out = n_out - len(left) + self.hop_samples * np.arange(1, n_hops + 1) - 1
        bad_count = state["pre.guard.count"]
        hops = []
        for k, newest in enumerate(self.preprocess.resample.newest_input(last_out)):
            sample = int(state["hop.origin"] + newest)
            due, pending = pending[pending <= sample], pending[pending > sample]
            trial, current = int(new["onset.trial"]) + len(due), int(due[-1] if len(due) else new["onset.current"])
            since = (sample - current) / self.preprocess.sfreq_in
            if current != NO_ONSET and since > self.window_s:
                current = NO_ONSET
            counted = bad_count + (~finite[: int(newest) - begun + 1]).sum(axis=0)
            hops.append(
                Hop(
                    signal=left[k * self.hop_samples : (k + 1) * self.hop_samples].T.astype(np.float32),
                    number=int(state["hop.number"]) + k,
                    sample=sample,
                    trial=None if current == NO_ONSET else trial - 1,
                    since_onset_s=None if current == NO_ONSET else since,
                    bad=counted > new["hop.bad"],
                    gap=sample < int(state["hop.settled"]),
                )
            )
            new |= {"onset.trial": np.array(trial), "onset.current": np.array(current), "hop.bad": counted}
        new |= {
            "hop.left": left[n_hops * self.hop_samples :],
            "hop.number": state["hop.number"] + n_hops,
            "onset.pending": pending,
        }
        return hops, new
