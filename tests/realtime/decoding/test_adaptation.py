"""Adaptation follows a drifting person, costs little without drift, and is rolled back when labels mislead it."""

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from realtime.decoding.adaptation import GUARD_TRIALS, MAX_EXCESS_NATS, MIN_TRIALS, Adaptation, AdaptationStep
from realtime.state import State

K, DIM, WINDOW_S = 4, 6, 1.0
VECTORS = np.linalg.qr(np.random.default_rng(0).standard_normal((DIM, DIM)))[0][:K].astype(np.float32)
CALIBRATION = Calibration(log_scale=float(np.log(2)))


def trials(n: int, strength: float = 2.0, drift: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (n, DIM) of random labels and the labels; `drift` is the length of what is added to every one."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(K, size=n)
    noise = 0.7 * rng.standard_normal((n, DIM))
    return (strength * VECTORS[labels] + noise + drift * VECTORS[0]).astype(np.float32), labels


def fed(embeddings: np.ndarray, labels: np.ndarray, state: State | None = None) -> tuple[list[AdaptationStep], State]:
    adaptation = Adaptation(K, DIM, CALIBRATION, WINDOW_S)
    state, told = state or adaptation.start(), []
    for embedding, label in zip(embeddings, labels, strict=True):
        learned, state = adaptation.step(embedding, embedding @ VECTORS.T, WINDOW_S, int(label), state)
        told.append(learned)
    return told, state


def nats(told: list[AdaptationStep]) -> tuple[float, float]:
    return float(np.mean([one.adapted_nats for one in told])), float(np.mean([one.original_nats for one in told]))


def decisions(embeddings: np.ndarray, state: State) -> np.ndarray:
    return Adaptation(K, DIM, CALIBRATION, WINDOW_S).adapt(embeddings, embeddings @ VECTORS.T, state)


def test_drifted_embeddings_are_decoded_better_than_by_the_bundle_as_it_was():
    told, state = fed(*trials(150, drift=1.5))
    adapted, original = nats(told)
    assert adapted < 0.8 * original
    assert not any(one.rolled_back for one in told)
    fresh, labels = trials(300, drift=1.5, seed=9)
    right = [(inner.argmax(1) == labels).mean() for inner in (decisions(fresh, state), fresh @ VECTORS.T)]
    assert right[0] > right[1] + 0.05


@pytest.mark.parametrize("seed", range(5))
def test_without_drift_adaptation_costs_little(seed: int):
    told, state = fed(*trials(150, seed=seed))
    adapted, original = nats(told)
    assert adapted < original + 0.02
    assert not state["off"]


def test_a_trial_is_scored_before_it_is_learned_from():
    """The first trial is scored as by the bundle, and its own label does not change its score."""
    embeddings, labels = trials(2)
    told, _ = fed(embeddings[:1], labels[:1])
    assert told[0].adapted_nats == told[0].original_nats
    _, state = fed(embeddings[:1], labels[:1])
    adaptation = Adaptation(K, DIM, CALIBRATION, WINDOW_S)
    scores = [adaptation.step(embeddings[1], embeddings[1] @ VECTORS.T, WINDOW_S, k, state)[0] for k in range(K)]
    assert np.exp([-one.adapted_nats for one in scores]).sum() == pytest.approx(1)


@pytest.mark.parametrize("shuffled", [False, True])
def test_wrong_labels_are_detected_and_decisions_return_to_the_bundles_own(shuffled: bool):
    embeddings, labels = trials(60)
    wrong = np.random.default_rng(3).integers(K, size=60) if shuffled else (labels + 1) % K
    told, state = fed(embeddings, wrong)
    ends = [i for i, one in enumerate(told) if one.rolled_back]
    assert len(ends) == 1  # told once
    assert ends[0] < MIN_TRIALS + 5
    assert "Labels contradict the bundle" in told[ends[0]].rolled_back
    assert decisions(embeddings, state).tobytes() == (embeddings @ VECTORS.T).tobytes()
    assert fed(*trials(20, drift=3.0), state)[1] is state  # and nothing is learned any more


def test_labels_chosen_to_mislead_are_found_out_before_twenty_trials_cost_much():
    """Each time the label that adapting made least likely: the worst that labels can do."""
    embeddings, _ = trials(100, strength=0.6)  # too weak to contradict any label
    adaptation = Adaptation(K, DIM, CALIBRATION, WINDOW_S)
    state, costs = adaptation.start(), []
    for embedding in embeddings:
        inner = embedding @ VECTORS.T
        label = int(np.argmax(inner - adaptation.adapt(embedding, inner, state)))
        learned, state = adaptation.step(embedding, inner, WINDOW_S, label, state)
        costs.append(learned.adapted_nats - learned.original_nats)
        if learned.rolled_back:
            break
    assert "worse than the bundle's own" in learned.rolled_back
    assert MAX_EXCESS_NATS < sum(costs[-GUARD_TRIALS:]) < 1.5 * MAX_EXCESS_NATS
    assert decisions(embeddings, state).tobytes() == (embeddings @ VECTORS.T).tobytes()


def test_right_labels_after_wrong_ones_do_not_leave_a_worse_decoder_behind():
    embeddings, labels = trials(300, strength=0.8)
    told, state = fed(embeddings, np.where(np.arange(300) < 6, (labels + 1) % K, labels))
    adapted, original = nats(told[-100:])
    assert adapted < original + 0.02
    assert state["off"] or int(state["n"]) == 300


def test_a_session_saved_half_way_goes_on_as_the_whole():
    embeddings, labels = trials(60, drift=1.5)
    whole, last = fed(embeddings, labels)
    _, half = fed(embeddings[:25], labels[:25])
    rest, again = fed(embeddings[25:], labels[25:], {key: value.copy() for key, value in half.items()})
    assert rest == whole[25:]
    assert all(np.array_equal(last[key], again[key]) for key in last)
    assert {key: (value.shape, value.dtype) for key, value in half.items()} == {
        key: (value.shape, value.dtype) for key, value in fed(embeddings[:0], labels[:0])[1].items()
    }


def test_how_many_decisions_come_together_changes_no_bit():
    _, state = fed(*trials(40, drift=1.5))
    embeddings, _ = trials(7, seed=5)
    inner = embeddings @ VECTORS.T
    adaptation = Adaptation(K, DIM, CALIBRATION, WINDOW_S)
    together = adaptation.adapt(embeddings, inner, state)
    alone = [adaptation.adapt(one, its, state) for one, its in zip(embeddings, inner, strict=True)]
    assert together.tobytes() == np.stack(alone).tobytes()
    assert not np.array_equal(together, inner)


def test_a_silent_embedding_moves_no_vector():
    """Networks that answer cued trials only embed as zero elsewhere."""
    state = fed(np.zeros((3, DIM), np.float32), np.array([0, 1, 0]))[1]
    assert not state["moved"].any()
    assert np.isfinite(state["offset"]).all()
    assert len(state["nats"]) == GUARD_TRIALS
