"""From scores to confidence: one temperature that follows the time since onset, and when to call it decided.

The scale is fitted on validation trials (see `training/calibration.py`), never on test data. Guo et al., ICML 2017.
"""

from dataclasses import dataclass

import numpy as np

from realtime.state import State

# Keeps the logarithm finite at onset; about one hop.
ONSET_S = 0.05


@dataclass(frozen=True)
class Calibration:
    """How inner products become probabilities."""

    log_scale: float = 0.0  # log of the factor on the inner products at the end of the window
    log_growth: float = 0.0  # exponent of (since_onset / window) in that factor
    uncued_log_scale: float = 0.0  # the factor's log when no onset is known
    decide_p: float = 0.9  # a trial is decided once a label's probability reaches this
    n_trials: int = 0  # validation trials behind the fit; 0: not calibrated

    def scale(self, since_onset_s: np.ndarray, window_s: float) -> np.ndarray:
        """Factor on the inner products at each time since onset; negative times mean no onset."""
        since = np.asarray(since_onset_s, float)
        growth = np.log((np.maximum(since, 0) + ONSET_S) / (window_s + ONSET_S))
        return np.exp(np.where(since < 0, self.uncued_log_scale, self.log_scale + self.log_growth * growth))


def softmax(x: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Evidence:
    """Confidence of one stream, and whether its present trial is decided.

    State: trial int64  trial of the last step, -1 outside; decided bool  whether it had reached `decide_p`.
    """

    def __init__(self, calibration: Calibration, window_s: float):
        self.calibration, self.window_s = calibration, window_s

    def start(self) -> State:
        """State before the first decision."""
        return {"trial": np.array(-1), "decided": np.array(False)}

    def step(
        self, inner: np.ndarray, trial: int | None, onset_s: float, state: State
    ) -> tuple[np.ndarray, bool, State]:
        """Probabilities of the labels and whether the trial is decided, from inner products (n_labels,)."""
        p = softmax(inner.astype(float) * self.calibration.scale(np.array(onset_s), self.window_s))
        number = -1 if trial is None else trial
        before = bool(state["decided"]) and number == int(state["trial"])
        decided = trial is not None and (before or bool(p.max() >= self.calibration.decide_p))
        return p, decided, {"trial": np.array(number), "decided": np.array(decided)}
