import numpy as np
import pytest
import torch

from decoder.networks import build_network
from decoder.networks.riemann import logistic, xdawn
from tests.decoder.networks.test_matched_filter import ONSET, accuracy
from tests.helpers.closed_form import trials

CONFIG = {"n_channels": 4, "sfreq": 60.0, "hop_samples": 4, "embedding_dim": 3, "window_s": 1.0}


def test_classifies_new_trials_better_as_the_window_fills() -> None:
    network = build_network("riemann", **CONFIG)
    network.fit(trials(4, 3, 3, n_trials=120, snr=0.8))
    unseen = trials(4, 3, 3, n_trials=90, snr=0.8, seed=5)
    assert accuracy(network, unseen) > 0.7
    assert accuracy(network, unseen) > accuracy(network, unseen, hop=1) + 0.1


def test_mean_trial_lies_at_the_origin_of_the_tangent_space() -> None:
    network = build_network("riemann", **CONFIG)
    given = trials(4, 3, 3, n_trials=60)
    network.fit(given)
    windows, _ = given.windows(given.signals, 60)
    onset = ONSET.repeat(len(windows), 1)
    features, _ = network.features(windows.float(), network.running.init_state(len(windows)), onset)
    spread = features[:, -1].std(0).mean()
    # Off the origin by what the mean of matrices is not the mean of vectors.
    assert features[:, -1].mean(0).abs().mean() < 0.4 * spread


def test_xdawn_finds_the_planted_source_and_templates_show_its_course() -> None:
    rng = np.random.default_rng(0)
    pattern, course = rng.standard_normal(4), np.sin(np.linspace(0, np.pi, 60))
    windows = torch.as_tensor(rng.standard_normal((80, 4, 60)))
    labels = torch.arange(80) % 2
    windows += 6 * labels[:, None, None] * torch.as_tensor(np.outer(pattern, course))
    filters, templates = xdawn(windows, labels, n_sources=1, n_templates=2)
    agreement = np.corrcoef(filters[0].numpy(), pattern)[0, 1]  # white noise: filter and pattern are parallel
    assert abs(agreement) > 0.95
    assert abs(np.corrcoef(templates[1].numpy(), course)[0, 1]) > 0.95


def test_logistic_regression_is_at_the_minimum_of_its_loss() -> None:
    """The gradient of the penalised likelihood vanishes, in every weight and in the bias."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=rng, dtype=torch.float64)
    labels = (x[:, 0] + 0.5 * torch.randn(60, generator=rng, dtype=torch.float64) > 0).long()
    weight, bias = logistic(x, labels, 2, penalty=1.0)
    residual = (x @ weight + bias).softmax(1) - torch.nn.functional.one_hot(labels, 2)
    assert (x.T @ residual + 2 * weight).abs().max() < 1e-3
    assert residual.sum(0).abs().max() < 1e-3


def test_without_an_onset_nothing_is_claimed() -> None:
    network = build_network("riemann", **CONFIG)
    network.fit(trials(4, 3, 3))
    embedding, _ = network(torch.randn(1, 4, 60))
    assert not embedding.any()


def test_vectors_are_refused() -> None:
    given = trials(4, 3, 3)
    with pytest.raises(ValueError, match="classifies trained labels, but the targets are vectors"):
        build_network("riemann", **CONFIG).fit(type(given)(**{**vars(given), "prototypes": False}))
