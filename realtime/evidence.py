"""From scores to confidence: one temperature that follows the time since onset, and when to call it decided.

The scale is fitted on validation trials (see `training/calibration.py`), never on test data. Guo et al., ICML 2017.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from realtime.hops import Cue
from realtime.state import State

# Keeps the logarithm finite at onset; about one hop.
ONSET_S = 0.05
# What stands in for bad channels is smooth and sure of itself, and misleads a network. This is what all channels cost
# together where nobody has measured each (training/bad_channels.py). On the demo bundle (benchmarks/bad_channels.py):
# with 6, 12, 25 and 50 % of the channels bad, the factor on the inner products should be 0.6, 0.6, 0.4 and 0.2; after
# gaps and during blinks and bursts, 1.
BAD_COST = 8.0
NONE_GOOD = 0.01  # the factor where no channel is left: labels keep their order and become about as likely
MEASURED_SHARE = 0.5  # of the channels: what more of them cost at once nobody has measured


@dataclass(frozen=True)
class Calibration:
    """How inner products become probabilities."""

    log_scale: float = 0.0  # log of the factor on the inner products at the end of the window
    log_growth: float = 0.0  # exponent of (since_onset / window) in that factor
    uncued_log_scale: float = 0.0  # the factor's log when no onset is known
    decide_p: float = 0.9  # a trial is decided once a label's probability reaches this
    n_trials: int = 0  # validation trials behind the fit; 0: not calibrated
    bad_cost: tuple[float, ...] = ()  # of each channel while it is bad; none: an equal share of BAD_COST

    def scale(self, since_onset_s: np.ndarray, window_s: float) -> np.ndarray:
        """Factor on the inner products at each time since onset; negative times mean no onset."""
        since = np.asarray(since_onset_s, float)
        growth = np.log((np.maximum(since, 0) + ONSET_S) / (window_s + ONSET_S))
        return np.exp(np.where(since < 0, self.uncued_log_scale, self.log_scale + self.log_growth * growth))

    def trust(self, bad: np.ndarray) -> float:
        """Factor on the inner products of a hop in which the channels `bad` (n_channels,) were flagged.

        1 for none; next to nothing for all, since networks are sure of themselves even in silence.
        """
        share = np.count_nonzero(bad) / len(bad)
        if share == 1:
            return NONE_GOOD
        usual = 1 / (1 + BAD_COST * share)
        if not self.bad_cost:
            return usual
        own = 1 / (1 + sum(self.bad_cost[channel] for channel in bad.nonzero()[0]))
        return own if share <= MEASURED_SHARE else min(own, usual)


def softmax(x: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Evidence:
    """Confidence of one stream, and whether the present trial of each of its tracks is decided.

    State: trial int64[n_tracks]  trial of the last step, -1 outside; decided bool[n_tracks]  whether it had reached
    `decide_p`.
    """

    def __init__(self, calibration: Calibration, window_s: float):
        self.calibration, self.window_s = calibration, window_s

    def start(self, tracks: int = 1) -> State:
        """State before the first decision."""
        return {"trial": np.full(tracks, -1), "decided": np.zeros(tracks, bool)}

    def step(self, inner: np.ndarray, cues: Sequence[Cue], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        """Probabilities (n_tracks, n_labels) and whether each trial is decided, from inner products of that shape."""
        scale = self.calibration.scale(np.array([cue.onset for cue in cues]), self.window_s)
        p = softmax(inner.astype(float) * scale[:, None])
        trial = np.array([-1 if cue.trial is None else cue.trial for cue in cues])
        before = state["decided"] & (trial == state["trial"])
        decided = (trial >= 0) & (before | (p.max(axis=1) >= self.calibration.decide_p))
        return p, decided, {"trial": trial, "decided": decided}
