"""Adaptation to a person while labelled trials come, and a guard that rolls it back when it does harm.

Every trial is scored by the original and by the adapted label vectors before it is learned from (Dawid, JRSS A 1984),
so both scores are of new trials.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from realtime.bundle.calibration import Calibration
from realtime.state import State

# A trial that was missed entirely raises its label's logit by so many nats; half by the label's vector, half by a
# constant. A larger rate follows drift better and costs more where nothing drifts.
RATE = 0.5
FORGET = 0.02  # share of the adaptation that each trial removes
GUARD_TRIALS = 20  # over which the guard sums
# Adaptation is rolled back when its summed log loss over these trials exceeds the original's by this much.
MAX_EXCESS_NATS = 4.0
# Log loss of the original above that of guessing, per trial, from which on labels or bundle must be wrong; not checked
# before so many trials.
CONTRADICTION_NATS, MIN_TRIALS = 1.0, 8


@dataclass(frozen=True)
class AdaptationStep:
    """Scores of one trial before it was learned from."""

    adapted_nats: float  # log loss of the true label
    original_nats: float
    rolled_back: str  # why adaptation ends with this trial, a sentence; empty if it goes on or had ended before


class Adaptation:
    """Label vectors of one session that move towards this person's embeddings.

    State: moved float64[n_labels, dim], offset float64[n_labels]  added to the vectors and the logits; nats
    float64[GUARD_TRIALS, 2]  log loss adapted and original of the latest trials, zeros before them; n int64  trials;
    off bool  rolled back: nothing is adapted or learned any more.
    """

    def __init__(self, n_labels: int, dim: int, calibration: Calibration, window_s: float):
        self.n_labels, self.dim = n_labels, dim
        self.calibration, self.window_s = calibration, window_s

    def start(self) -> State:
        """State of a session before its first trial."""
        return {
            "moved": np.zeros((self.n_labels, self.dim)),
            "offset": np.zeros(self.n_labels),
            "nats": np.zeros((GUARD_TRIALS, 2)),
            "n": np.array(0),
            "off": np.array(False),
        }

    def adapt(self, embedding: np.ndarray, logits: np.ndarray, state: State) -> np.ndarray:
        """Adapted logits (..., n_labels), from embeddings (..., dim); the same array if nothing is learned."""
        if state["off"] or not state["n"]:
            return logits
        # Row by row: the sums of one matrix product would depend on the number of rows.
        rows = embedding.reshape(-1, self.dim).astype(float)
        shift = np.stack([state["moved"] @ row for row in rows]) + state["offset"]
        adapted: np.ndarray = logits + shift.reshape(logits.shape)
        return adapted

    def step(
        self, embedding: np.ndarray, logits: np.ndarray, since_onset_s: float, label: int, state: State
    ) -> tuple[AdaptationStep, State]:
        """Score and then learn the trial whose last decision had this `embedding` (dim,) and these logits.

        `logits` (n_labels,) are the bank's own, not adapted; `label` is the true one's row in the bank.
        """
        scale = float(self.calibration.scale(np.array(since_onset_s), self.window_s))
        original = softmax(logits.astype(float) * scale)
        adapted = softmax(self.adapt(embedding, logits, state).astype(float) * scale)
        adapted_nats, original_nats = (-float(np.log(max(p[label], 1e-12))) for p in (adapted, original))
        if state["off"]:
            return AdaptationStep(adapted_nats, original_nats, ""), state
        nats = np.concatenate([state["nats"][1:], [[adapted_nats, original_nats]]])
        n = int(state["n"]) + 1
        if reason := self._rollback_reason(nats, n):
            return AdaptationStep(adapted_nats, original_nats, reason), self.start() | {
                "n": np.array(n),
                "off": np.array(True),
            }
        error = (np.arange(self.n_labels) == label) - adapted
        length = float(embedding.astype(float) @ embedding)
        towards = np.outer(error, embedding) / length if length else np.zeros_like(state["moved"])
        new = {
            "moved": (1 - FORGET) * state["moved"] + RATE / 2 / scale * towards,
            "offset": (1 - FORGET) * state["offset"] + RATE / 2 / scale * error,
            "nats": nats,
            "n": np.array(n),
            "off": np.array(False),
        }
        return AdaptationStep(adapted_nats, original_nats, ""), new

    def _rollback_reason(self, nats: np.ndarray, n: int) -> str:
        """Why adaptation should end, or an empty text."""
        n_trials = min(n, GUARD_TRIALS)
        adapted, original = nats.sum(axis=0)
        if adapted - original > MAX_EXCESS_NATS:
            return (
                f"Adapted decisions were worse than the bundle's own by {adapted - original:.1f} nats over the last "
                f"{n_trials} trials, more than {MAX_EXCESS_NATS:g}: the bundle decides as it was."
            )
        excess = original / n_trials - np.log(self.n_labels)
        if n_trials >= MIN_TRIALS and excess > CONTRADICTION_NATS:
            return (
                f"Labels contradict the bundle: it is worse than guessing by {excess:.1f} nats a trial over the last "
                f"{n_trials}: nothing is learned from them; check the markers, or calibrate."
            )
        return ""
