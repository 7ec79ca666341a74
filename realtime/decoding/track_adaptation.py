"""Adaptation of a session whose trials run on tracks: a trial is learned from when it is over and its label known."""

from collections.abc import Sequence

import numpy as np

from realtime.decoding.adaptation import Adaptation, AdaptationStep
from realtime.decoding.hop import TrialClock
from realtime.state import State, prefixed, substate

UNCUED = -1  # number of the trial where none runs
LOGITS = "inner"  # an old name: saved sessions contain it


class TrackAdaptation:
    """Adapts the logits of each hop, after learning from the trials that ended since the last one.

    State: adaptation.*  see Adaptation; trial int64[n_tracks], since float64[n_tracks], embedding float32[n_tracks,
    dim], LOGITS float32[n_tracks, n_labels]  the latest decision of the trial on each track, -1 for none; labels
    int64[k, 2]  trial and row in the bank, of trials that are not over.
    """

    def __init__(self, adaptation: Adaptation):
        self.adaptation = adaptation

    def start(self, tracks: int = 1) -> State:
        """State before the first hop of a session."""
        return prefixed("adaptation", self.adaptation.start()) | self._idle(tracks)

    def skip(self, state: State) -> State:
        """State after lost samples: adaptation stays, running trials are not learned from."""
        return state | self._idle(len(state["trial"])) | {"labels": state["labels"]}

    def with_labels(self, state: State, labels: Sequence[tuple[int, int]]) -> State:
        """State with more labels: trial and row in the bank of each."""
        return state | {"labels": np.concatenate([state["labels"], np.array(labels, np.int64).reshape(-1, 2)])}

    def step(
        self,
        clocks: Sequence[TrialClock],
        embeddings: np.ndarray,
        logits: np.ndarray,
        state: State,
        labels: Sequence[tuple[int, int]] = (),
    ) -> tuple[np.ndarray, list[AdaptationStep], State]:
        """Adapted logits (n_tracks, n_labels), the trials learned from before that, and the new state.

        `labels`: new pairs of trial and row in the bank.
        """
        all_labels = self.with_labels(state, labels)["labels"]
        row_of = dict(all_labels.tolist())
        adaptation, steps = substate(state, "adaptation"), list[AdaptationStep]()
        trial = np.array([UNCUED if clock.trial is None else clock.trial for clock in clocks])
        for i in np.argsort(state["trial"], kind="stable"):  # in the order of their onsets
            before = int(state["trial"][i])
            if before not in (UNCUED, int(trial[i])) and before in row_of:
                step, adaptation = self.adaptation.step(
                    state["embedding"][i], state[LOGITS][i], float(state["since"][i]), row_of[before], adaptation
                )
                steps.append(step)
        newest = max(int(trial.max()), int(state["trial"].max()))
        new = {
            "trial": trial,
            "since": np.array([clock.onset for clock in clocks]),
            "embedding": np.asarray(embeddings, np.float32),
            LOGITS: np.asarray(logits, np.float32),
            "labels": all_labels[(all_labels[:, 0] > newest) | np.isin(all_labels[:, 0], trial)],
        }
        return self.adaptation.adapt(embeddings, logits, adaptation), steps, prefixed("adaptation", adaptation) | new

    def _idle(self, tracks: int) -> State:
        return {
            "trial": np.full(tracks, UNCUED),
            "since": np.full(tracks, -1.0),
            "embedding": np.zeros((tracks, self.adaptation.dim), np.float32),
            LOGITS: np.zeros((tracks, self.adaptation.n_labels), np.float32),
            "labels": np.zeros((0, 2), np.int64),
        }
