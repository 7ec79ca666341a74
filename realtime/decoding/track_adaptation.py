"""Adaptation of a session whose trials run on tracks: each is learned from once it is over and its label is known."""

from collections.abc import Sequence

import numpy as np

from realtime.decoding.adaptation import Adaptation, AdaptationStep
from realtime.decoding.hop import TrialClock
from realtime.state import State, prefixed, substate

NONE = -1  # no trial


class TrackAdaptation:
    """Hop by hop: inner products adapted, and trials that ended since learned from.

    State: adaptation.*  see Adaptation; trial int64[n_tracks], since float64[n_tracks], embedding float32[n_tracks,
    dim], inner float32[n_tracks, n_labels]  the latest decision of the trial on each track, -1 for none; labels
    int64[k, 2]  trial and row in the bank, of trials that are not over.
    """

    def __init__(self, adaptation: Adaptation):
        self.adaptation = adaptation

    def start(self, tracks: int = 1) -> State:
        """State before the first hop of a session."""
        return prefixed("adaptation", self.adaptation.start()) | self._quiet(tracks)

    def skip(self, state: State) -> State:
        """State after lost samples: what was learned stays, trials that ran are not learned from."""
        return state | self._quiet(len(state["trial"])) | {"labels": state["labels"]}

    def with_labels(self, state: State, labels: Sequence[tuple[int, int]]) -> State:
        """State with more labels: trial and row in the bank of each."""
        return state | {"labels": np.concatenate([state["labels"], np.array(labels, np.int64).reshape(-1, 2)])}

    def step(
        self,
        cues: Sequence[TrialClock],
        embeddings: np.ndarray,
        inner: np.ndarray,
        state: State,
        labels: Sequence[tuple[int, int]] = (),
    ) -> tuple[np.ndarray, list[AdaptationStep], State]:
        """Inner products (n_tracks, n_labels) adapted, what was learned before that, and the new state.

        `labels`: trial and its label's row in the bank, as far as newly known; those of trials without one that the
        bank has are left out.
        """
        known = self.with_labels(state, labels)["labels"]
        row_of = dict(known.tolist())
        adaptation, told = substate(state, "adaptation"), list[AdaptationStep]()
        trial = np.array([NONE if cue.trial is None else cue.trial for cue in cues])
        for i in np.argsort(state["trial"], kind="stable"):  # in the order in which trials began
            before = int(state["trial"][i])
            if before not in (NONE, int(trial[i])) and before in row_of:
                learned, adaptation = self.adaptation.step(
                    state["embedding"][i], state["inner"][i], float(state["since"][i]), row_of[before], adaptation
                )
                told.append(learned)
        newest = max(int(trial.max()), int(state["trial"].max()))
        new = {
            "trial": trial,
            "since": np.array([cue.onset for cue in cues]),
            "embedding": np.asarray(embeddings, np.float32),
            "inner": np.asarray(inner, np.float32),
            "labels": known[(known[:, 0] > newest) | np.isin(known[:, 0], trial)],
        }
        return self.adaptation.inner(embeddings, inner, adaptation), told, prefixed("adaptation", adaptation) | new

    def _quiet(self, tracks: int) -> State:
        a = self.adaptation
        return {
            "trial": np.full(tracks, NONE),
            "since": np.full(tracks, -1.0),
            "embedding": np.zeros((tracks, a.dim), np.float32),
            "inner": np.zeros((tracks, a.n_labels), np.float32),
            "labels": np.zeros((0, 2), np.int64),
        }
