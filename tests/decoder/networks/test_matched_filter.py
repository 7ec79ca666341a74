import numpy as np
import pytest
import torch

from decoder.closed_form import Trials
from decoder.networks import build
from decoder.networks.matched_filter import ridge
from tests.helpers.closed import one_trial, trials

CONFIG = {"n_channels": 4, "sfreq": 60.0, "hop_samples": 4, "embedding_dim": 3, "window_s": 1.0, "order": 3}
ONSET = (torch.arange(1, 16) * 4 / 60)[None]


def accuracy(network, given: Trials, hop: int = -1) -> float:
    right = []
    for i in range(len(given.labels[0])):
        signal, label = one_trial(given, i, 60)
        embedding, _ = network(torch.as_tensor(signal)[None], None, ONSET)
        right.append(int(embedding[0, hop].argmax()) == label)
    return float(np.mean(right))


def test_names_trials_it_has_not_seen_and_knows_more_as_evidence_adds_up() -> None:
    network = build("matched_filter", **CONFIG)
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
    network = build("matched_filter", **CONFIG | {"embedding_dim": 2, "template_hz": 30.0})
    network.fit(Trials([signal], [60 * np.arange(2000)], [labels], np.eye(2), True))
    found, wanted = [], []
    for i in range(200):
        x = (rng.standard_normal((4, 60)) + template[i % 2]).astype(np.float32)
        embedding, _ = network(torch.as_tensor(x)[None], None, ONSET)
        found.append((embedding[0, -1, 1] - embedding[0, -1, 0]).item())
        wanted.append((template[1] * x).sum() - 0.5 * np.square(template[1]).sum())
    assert np.corrcoef(found, wanted)[0, 1] > 0.95
    assert np.mean(np.sign(found) == np.sign(wanted)) > 0.95  # and the offset is in its place


def test_without_an_onset_nothing_is_claimed() -> None:
    network = build("matched_filter", **CONFIG)
    network.fit(trials(4, 3, 3))
    embedding, _ = network(torch.randn(1, 4, 60))
    assert not embedding.any()


def test_vectors_of_labels_never_seen_are_reached_through_the_others() -> None:
    """The response is linear in the vector: a label that training never showed is told from its opposite."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((30, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    forward = rng.standard_normal((5, 4, 1)) * np.sin(np.linspace(0, np.pi, 60))
    labels = np.arange(290) % 29
    signal = rng.standard_normal((4, 60 * 290)).astype(np.float32)
    for i, label in enumerate(labels):
        signal[:, 60 * i : 60 * i + 60] += np.tensordot(vectors[label], forward, 1)
    network = build("matched_filter", **CONFIG | {"embedding_dim": 5})
    network.fit(Trials([signal], [60 * np.arange(290)], [labels], vectors, prototypes=False))
    right = 0
    for sign in rng.choice([-1, 1], 100):
        x = rng.standard_normal((4, 60)) + sign * np.tensordot(vectors[29], forward, 1)
        embedding, _ = network(torch.as_tensor(x, dtype=torch.float32)[None], None, ONSET)
        right += np.sign((embedding[0, -1].detach().numpy() @ vectors[29])) == sign
    assert right > 80


def test_ridge_is_the_textbook_solution_for_the_penalty_it_chose() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(50, 4, generator=rng, dtype=torch.float64)
    weight = torch.randn(4, 3, generator=rng, dtype=torch.float64)
    y = x @ weight + 0.01 * torch.randn(50, 3, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(ridge(x, y), weight, atol=0.02, rtol=0)


@pytest.mark.parametrize(("n_trials", "said"), [(3, "1 of the rarest of 3 labels, need 2 or more of each of two")])
def test_too_few_trials_are_refused_with_the_numbers(n_trials: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build("matched_filter", **CONFIG).fit(trials(4, 3, 3, n_trials=n_trials))
