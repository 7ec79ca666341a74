import numpy as np
import pytest
import torch

from decoder.networks import build_network
from decoder.networks.matched_filter import ridge
from decoder.training_trials import TrainingTrials
from tests.helpers.closed_form import one_trial, trials

CONFIG = {"n_channels": 4, "sfreq": 60.0, "hop_samples": 4, "embedding_dim": 3, "window_s": 1.0, "order": 3}
ONSET = (torch.arange(1, 16) * 4 / 60)[None]


def accuracy(network, given: TrainingTrials, hop: int = -1) -> float:
    right = []
    for i in range(len(given.labels[0])):
        signal, label = one_trial(given, i, 60)
        embedding, _ = network(torch.as_tensor(signal)[None], None, ONSET)
        right.append(int(embedding[0, hop].argmax()) == label)
    return float(np.mean(right))


def test_classifies_new_trials_and_improves_with_time() -> None:
    network = build_network("matched_filter", **CONFIG)
    network.fit(trials(4, 3, 3, n_trials=90, snr=0.7))
    unseen = trials(4, 3, 3, n_trials=90, snr=0.7, seed=5)
    assert accuracy(network, unseen) > 0.8
    assert accuracy(network, unseen) > accuracy(network, unseen, hop=2) + 0.1


def test_answer_is_the_log_likelihood_ratio_of_the_model() -> None:
    """On white noise of unit variance: template times signal, minus half of the template's energy, up to a scale."""
    rng = np.random.default_rng(0)
    template = np.stack([np.zeros((4, 60)), 0.3 * np.outer(np.ones(4), np.sin(np.linspace(0, np.pi, 60)))])
    labels = np.arange(2000) % 2
    signal = rng.standard_normal((4, 60 * 2000 + 60)).astype(np.float32)
    for i, label in enumerate(labels):
        signal[:, 60 * i : 60 * i + 60] += template[label]
    network = build_network("matched_filter", **CONFIG | {"embedding_dim": 2, "template_hz": 30.0})
    network.fit(TrainingTrials([signal], [60 * np.arange(2000)], [labels], np.eye(2), True))
    found, expected = [], []
    for i in range(200):
        x = (rng.standard_normal((4, 60)) + template[i % 2]).astype(np.float32)
        embedding, _ = network(torch.as_tensor(x)[None], None, ONSET)
        found.append((embedding[0, -1, 1] - embedding[0, -1, 0]).item())
        expected.append((template[1] * x).sum() - 0.5 * np.square(template[1]).sum())
    assert np.corrcoef(found, expected)[0, 1] > 0.95
    assert np.mean(np.sign(found) == np.sign(expected)) > 0.95  # and the offset is in its place


def test_without_an_onset_nothing_is_claimed() -> None:
    network = build_network("matched_filter", **CONFIG)
    network.fit(trials(4, 3, 3))
    embedding, _ = network(torch.randn(1, 4, 60))
    assert not embedding.any()


def person(n_labels: int, dim: int = 5, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (K, D) with a mean, and responses (K, C, W) linear in them: two sources with smooth courses."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n_labels, dim)) + 0.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    at = np.linspace(0, 1, 60)
    courses = np.stack([np.exp(-(((at - peak) / 0.12) ** 2)) for peak in (0.25, 0.45)])
    return vectors, 0.3 * np.einsum("kd,ds,sc,st->kct", vectors, *map(rng.standard_normal, ((dim, 2), (2, 4))), courses)


def of_vectors(n_each: int, seed: int = 0) -> tuple[TrainingTrials, np.ndarray, np.ndarray]:
    """White noise with responses to the first 30 of 40 labels; the vectors and the responses of all."""
    rng = np.random.default_rng(seed)
    vectors, responses = person(40)
    labels = rng.permutation(np.arange(30 * n_each) % 30)
    signal = rng.standard_normal((4, 60 * len(labels)))
    for i, label in enumerate(labels):
        signal[:, 60 * i : 60 * i + 60] += responses[label]
    onsets = 60 * np.arange(len(labels))
    return (
        TrainingTrials([signal.astype(np.float32)], [onsets], [labels], vectors[:30], prototypes=False),
        vectors,
        responses,
    )


def test_new_labels_get_log_likelihoods_through_their_vectors() -> None:
    """Template times signal minus half the template's energy, but for what all labels share."""
    trials_seen, vectors, responses = of_vectors(100)
    network = build_network("matched_filter", **CONFIG | {"embedding_dim": 7})
    network.fit(trials_seen)
    rows = network.bank_rows(torch.as_tensor(vectors[30:], dtype=torch.float32))
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(10))
    rng, found, expected = np.random.default_rng(1), [], []
    for i in range(50):
        x = responses[30 + i % 10] + rng.standard_normal((4, 60))
        embedding, _ = network(torch.as_tensor(x, dtype=torch.float32)[None], None, ONSET)
        score = (embedding[0, -1] @ rows.T).detach().numpy()
        truth = np.einsum("kct,ct->k", responses[30:], x) - 0.5 * np.square(responses[30:]).sum((1, 2))
        found.append(score - score.mean())
        expected.append(truth - truth.mean())
    assert np.corrcoef(np.ravel(found), np.ravel(expected))[0, 1] > 0.97
    slope = np.sum(np.multiply(found, expected)) / np.sum(np.square(expected))
    assert 0.8 < slope < 1.2  # and in its own unit, as confidence needs it


def test_activity_shared_by_all_labels_is_not_modelled_as_noise() -> None:
    """What is new in each sample is the same with a strong common response as without it."""
    plain, vectors, _ = of_vectors(40)
    common = 5 * np.outer([1, -1, 2, 0], np.exp(-(((np.linspace(0, 1, 60) - 0.3) / 0.1) ** 2))).astype(np.float32)
    signal = plain.signals[0] + np.tile(common, len(plain.onsets[0]))
    weights = []
    for given in (plain, TrainingTrials([signal], plain.onsets, plain.labels, plain.vectors, prototypes=False)):
        network = build_network("matched_filter", **CONFIG | {"embedding_dim": 7})
        network.fit(given)
        weights.append(network.innovations.conv.weight)
    torch.testing.assert_close(weights[0], weights[1], atol=1e-4, rtol=1e-3)


def test_weak_and_strong_activity_of_one_shape_are_distinguished() -> None:
    """What the energy is for: by the inner product with vectors alone the strongest of like responses always wins."""
    rng = np.random.default_rng(2)
    angle = np.linspace(0.1, np.pi / 2, 20)
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # the second number makes the response stronger
    course = np.exp(-(((np.linspace(0, 1, 60) - 0.3) / 0.1) ** 2))
    labels = rng.permutation(np.arange(2000) % 20)
    signal = rng.standard_normal((4, 60 * 2000)).astype(np.float32)
    for i, label in enumerate(labels):
        signal[:, 60 * i : 60 * i + 60] += 2 * vectors[label, 1] * course
    network = build_network("matched_filter", **CONFIG | {"embedding_dim": 4})
    network.fit(TrainingTrials([signal], [60 * np.arange(2000)], [labels], vectors, prototypes=False))
    rows = network.bank_rows(torch.as_tensor(vectors, dtype=torch.float32))
    noiseless = 2 * vectors[10, 1] * course * np.ones((4, 1))
    embedding, _ = network(torch.as_tensor(noiseless, dtype=torch.float32)[None], None, ONSET)
    assert abs(int((embedding[0, -1] @ rows.T).argmax()) - 10) <= 1
    assert int((embedding[0, -1, :2] @ torch.as_tensor(vectors, dtype=torch.float32).T).argmax()) == 19


def test_the_width_of_given_vectors_has_to_fit() -> None:
    with pytest.raises(ValueError, match="embedding_dim is 5, needs 7, two more than the label vectors have numbers"):
        build_network("matched_filter", **CONFIG | {"embedding_dim": 5}).fit(of_vectors(4)[0])


def test_ridge_is_the_textbook_solution_for_the_penalty_it_chose() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(50, 4, generator=rng, dtype=torch.float64)
    weight = torch.randn(4, 3, generator=rng, dtype=torch.float64)
    y = x @ weight + 0.01 * torch.randn(50, 3, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(ridge(x, y), weight, atol=0.02, rtol=0)


@pytest.mark.parametrize(("n_trials", "said"), [(3, "1 of the rarest of 3 labels, need 2 or more of each of two")])
def test_too_few_trials_are_refused_with_the_numbers(n_trials: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build_network("matched_filter", **CONFIG).fit(trials(4, 3, 3, n_trials=n_trials))
