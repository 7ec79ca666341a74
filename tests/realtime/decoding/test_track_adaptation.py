"""A trial on a track is learned from once, when it is over, by its last decision."""

import numpy as np

from realtime.bundle.calibration import Calibration
from realtime.decoding.adaptation import Adaptation
from realtime.decoding.hop import TrialClock
from realtime.decoding.track_adaptation import TrackAdaptation
from realtime.state import substate

K, DIM = 3, 3
VECTORS = np.eye(K, dtype=np.float32)
TRACKS = TrackAdaptation(Adaptation(K, DIM, Calibration(), 1.0))


def walk(hops, labels, tracks=1, state=None):
    """`hops`: trial (or None) of each track, hop by hop; `labels` are given at the first one. Embeddings are seeded."""
    rng = np.random.default_rng(0)
    state, learned, adapted = state or TRACKS.start(tracks), [], []
    for n, trials in enumerate(hops):
        clocks = [TrialClock() if trial is None else TrialClock(trial, 0.1 * (n + 1)) for trial in trials]
        embeddings = rng.standard_normal((tracks, DIM)).astype(np.float32)
        logits, steps, state = TRACKS.step(clocks, embeddings, embeddings @ VECTORS.T, state, labels if n == 0 else ())
        adapted.append((embeddings @ VECTORS.T, logits))
        learned.append(len(steps))
    return learned, adapted, state


def test_a_trial_is_learned_from_once_when_it_is_over():
    learned, adapted, state = walk([[None], [0], [0], [None], [None], [1], [1], [2]], [(0, 1), (1, 2), (2, 0)])
    assert learned == [0, 0, 0, 1, 0, 0, 0, 1]
    assert all(np.array_equal(*pair) for pair in adapted[:3])
    assert not np.array_equal(*adapted[3])
    assert state["labels"].tolist() == [[2, 0]]  # of the trial that runs; those that are over are forgotten


def test_it_is_learned_by_its_last_decision_alone():
    """By hand: the state is that of one step of the adaptation on the second of the two hops."""
    rng = np.random.default_rng(0)
    rng.standard_normal((1, DIM))
    last = rng.standard_normal((1, DIM)).astype(np.float32)[0]
    _, _, state = walk([[0], [0], [None]], [(0, 1)])
    _, want = TRACKS.adaptation.step(last, last @ VECTORS.T, 0.2, 1, TRACKS.adaptation.start())
    assert all(np.array_equal(substate(state, "adaptation")[key], value) for key, value in want.items())


def test_trials_without_label_or_cut_by_a_gap_are_not_learned_from():
    assert walk([[0], [0], [None]], [])[0] == [0, 0, 0]
    _, _, state = walk([[0], [0]], [(0, 1), (1, 2)])
    learned, _, state = walk([[None], [1], [None]], [], state=TRACKS.skip(state))
    assert learned == [0, 0, 1]
    assert int(state["adaptation.n"]) == 1


def test_overlapping_trials_are_learned_from_as_each_ends():
    hops = [[0, None], [0, 1], [2, 1], [2, None], [2, 3], [None, None]]
    learned, _, state = walk(hops, [(0, 0), (1, 1), (2, 2), (3, 0)], tracks=2)
    assert learned == [0, 0, 1, 1, 0, 2]
    assert int(state["adaptation.n"]) == 4
    assert len(state["labels"]) == 0
