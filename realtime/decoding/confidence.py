"""From logits to confidence: one temperature that follows the time since onset, and when a trial is decided.

The scale is fitted on validation trials (see `training/calibration/confidence.py`), never on test data.
Guo et al., ICML 2017.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from realtime.bundle.calibration import Calibration
from realtime.decoding.hop import TrialClock
from realtime.state import State


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

    def step(
        self, logits: np.ndarray, clocks: Sequence[TrialClock], state: State
    ) -> tuple[np.ndarray, np.ndarray, State]:
        """Probabilities (n_tracks, n_labels) and whether each trial is decided, from logits of that shape."""
        scale = self.calibration.scale(np.array([clock.onset for clock in clocks]), self.window_s)
        p = softmax(logits.astype(float) * scale[:, None], axis=-1)
        trial = np.array([-1 if clock.trial is None else clock.trial for clock in clocks])
        before = state["decided"] & (trial == state["trial"])
        decided = (trial >= 0) & (before | (p.max(axis=1) >= self.calibration.decide_p))
        return p, decided, {"trial": trial, "decided": decided}
