"""Decisions that follow a person while labelled trials come, and a guard that goes back when that does not pay.

Every trial is scored by the label vectors as they were and as adapted before anything is learned from it (Dawid, JRSS A
1984), so both scores are of trials not seen yet.
"""

from dataclasses import dataclass

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.decoding.confidence import softmax
from realtime.state import State

# A trial that was missed entirely raises its label's score by so many nats; half by the label's vector, half by a
# constant. Faster follows drift better and costs more where nothing drifts.
RATE = 0.5
FORGET = 0.02  # share of what was learned that a trial takes back: towards the bundle as it was
GUARD_TRIALS = 20  # that the guard looks back on
WORSE_NATS = 4.0  # summed over these: adapted may be so much worse than original
# A trial: so much worse than guessing, the original contradicts the labels, and one of them is wrong. It takes
# JUDGED_FROM trials to say so.
CONTRADICTED_NATS, JUDGED_FROM = 1.0, 8


@dataclass(frozen=True)
class AdaptationStep:
    """What one trial said before it was learned from."""

    adapted_nats: float  # log loss of the true label
    original_nats: float
    rolled_back: str  # why adaptation ends with this trial, a sentence; empty where it goes on or had ended before


class Adaptation:
    """Label vectors of one session that move towards this person's embeddings.

    State: moved float64[n_labels, dim], offset float64[n_labels]  added to the vectors and the inner products; nats
    float64[GUARD_TRIALS, 2]  log loss adapted and original of the latest trials, zeros before them; n int64  trials;
    off bool  rolled back: nothing is adapted or learned any more.
    """

    def __init__(self, n_labels: int, dim: int, calibration: Calibration, window_s: float):
        self.n_labels, self.dim = n_labels, dim
        self.calibration, self.window_s = calibration, window_s

    def start(self) -> State:
        """State of a session that has learned nothing."""
        return {
            "moved": np.zeros((self.n_labels, self.dim)),
            "offset": np.zeros(self.n_labels),
            "nats": np.zeros((GUARD_TRIALS, 2)),
            "n": np.array(0),
            "off": np.array(False),
        }

    def inner(self, embedding: np.ndarray, inner: np.ndarray, state: State) -> np.ndarray:
        """Inner products (..., n_labels) adapted, from embeddings (..., dim); the very same if nothing is learned."""
        if state["off"] or not state["n"]:
            return inner
        # Row by row and not as one product of matrices: its sums would depend on how many rows come together.
        rows = embedding.reshape(-1, self.dim).astype(float)
        shift = np.stack([state["moved"] @ row for row in rows]) + state["offset"]
        return inner + shift.reshape(inner.shape)

    def step(
        self, embedding: np.ndarray, inner: np.ndarray, since_onset_s: float, label: int, state: State
    ) -> tuple[AdaptationStep, State]:
        """Score and then learn the trial whose last decision had this `embedding` (dim,) and these inner products.

        `inner` (n_labels,) is the bank's own, not adapted; `label` is the true one's row in the bank.
        """
        scale = float(self.calibration.scale(np.array(since_onset_s), self.window_s))
        original = softmax(inner.astype(float) * scale)
        adapted = softmax(self.inner(embedding, inner, state).astype(float) * scale)
        adapted_nats, original_nats = (-float(np.log(max(p[label], 1e-12))) for p in (adapted, original))
        if state["off"]:
            return AdaptationStep(adapted_nats, original_nats, ""), state
        nats = np.concatenate([state["nats"][1:], [[adapted_nats, original_nats]]])
        n = int(state["n"]) + 1
        if why := self._objection(nats, n):
            return AdaptationStep(adapted_nats, original_nats, why), self.start() | {
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

    def _objection(self, nats: np.ndarray, n: int) -> str:
        """Why adaptation should end, or nothing."""
        judged = min(n, GUARD_TRIALS)
        adapted, original = nats.sum(axis=0)
        if adapted - original > WORSE_NATS:
            return (
                f"Adapted decisions were worse than the bundle's own by {adapted - original:.1f} nats over the last "
                f"{judged} trials, more than {WORSE_NATS:g}: the bundle decides as it was."
            )
        worse = original / judged - np.log(self.n_labels)
        if judged >= JUDGED_FROM and worse > CONTRADICTED_NATS:
            return (
                f"Labels contradict the bundle: it is worse than guessing by {worse:.1f} nats a trial over the last "
                f"{judged}: nothing is learned from them; check the markers, or calibrate."
            )
        return ""
