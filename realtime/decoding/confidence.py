"""From scores to confidence: one temperature that follows the time since onset, and when to call it decided.

The scale is fitted on validation trials (see `training/calibration/confidence.py`), never on test data.
Guo et al., ICML 2017.
"""

from collections.abc import Sequence

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.decoding.hop import TrialClock
from realtime.state import State


def softmax(x: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Confidence:
    """Confidence of one stream, and whether the present trial of each of its tracks is decided.

    State: trial int64[n_tracks]  trial of the last step, -1 outside; decided bool[n_tracks]  whether it had reached
    `decide_p`.
    """

    def __init__(self, calibration: Calibration, window_s: float):
        self.calibration, self.window_s = calibration, window_s

    def start(self, tracks: int = 1) -> State:
        """State before the first decision."""
        return {"trial": np.full(tracks, -1), "decided": np.zeros(tracks, bool)}

    def step(self, inner: np.ndarray, cues: Sequence[TrialClock], state: State) -> tuple[np.ndarray, np.ndarray, State]:
        """Probabilities (n_tracks, n_labels) and whether each trial is decided, from inner products of that shape."""
        scale = self.calibration.scale(np.array([cue.onset for cue in cues]), self.window_s)
        p = softmax(inner.astype(float) * scale[:, None])
        trial = np.array([-1 if cue.trial is None else cue.trial for cue in cues])
        before = state["decided"] & (trial == state["trial"])
        decided = (trial >= 0) & (before | (p.max(axis=1) >= self.calibration.decide_p))
        return p, decided, {"trial": trial, "decided": decided}
