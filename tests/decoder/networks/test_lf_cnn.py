import pytest
import torch

from decoder.networks import build_network
from decoder.networks.lf_cnn import patterns
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 6, "sfreq": 125.0, "hop_samples": 5, "embedding_dim": 16}


def test_have_the_sizes_of_the_paper() -> None:
    """271 sensors to 32 sources; 7 samples at 125 Hz; 256 weights where each filter is its own, 7,200 where not."""
    lf, var = (build_network(name, **(SHARED | {"n_channels": 271})) for name in ("lf_cnn", "var_cnn"))
    assert n_weights(lf.demix) == n_weights(var.demix) == 8_704
    assert n_weights(lf.filters) == 256
    assert n_weights(var.filters) == 7_200
    assert torch.all(lf.demix.bias == 0.1)


@pytest.mark.parametrize("name", ["lf_cnn", "var_cnn"])
def test_learn_which_of_two_sensors_holds_the_rhythm(name: str) -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build_network(name, **SHARED, n_sources=8, dropout=0.1), 40, lr=0.01))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", ["lf_cnn", "var_cnn"])
def test_pattern_of_the_right_filter_is_the_planted_topography(name: str) -> None:
    """A filter that picks a source out of correlated noise does not look like the source; its pattern does."""
    torch.manual_seed(0)
    topography, noise = torch.randn(6), torch.randn(6, 6, dtype=torch.float64)
    planted = topography.double()
    covariance_noise = noise @ noise.T + 0.01 * torch.eye(6)
    network = build_network(name, **SHARED, n_sources=3)
    weight = torch.linalg.solve(covariance_noise, planted)  # the matched filter
    with torch.no_grad():
        network.demix.weight[1] = (weight / (weight @ planted)).float()[:, None]
    found = patterns(network, covariance_noise + 4.0 * torch.outer(planted, planted))
    assert found.shape == (6, 3)
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(found[:, 1], topography, dim=0) > 0.9999
    assert cosine(network.demix.weight[1, :, 0], topography, dim=0) < 0.9


@pytest.mark.parametrize("name", ["lf_cnn", "var_cnn"])
def test_features_are_the_largest_of_the_hop_and_never_below_zero(name: str) -> None:
    network, x = build_network(name, **SHARED, n_sources=3).eval(), torch.randn(2, 6, 50)
    filtered, _ = network.filters(network.demix(x))
    expected = filtered.clamp(min=0).unflatten(-1, (10, 5)).amax(-1).transpose(1, 2)
    torch.testing.assert_close(network.features(x, network.init_state(2), 0)[0], expected)
    assert (filtered.unflatten(-1, (10, 5)).amax(-1) < 0).any()


def test_covariance_of_another_size_or_of_nothing_is_refused() -> None:
    network = build_network("lf_cnn", **SHARED, n_sources=3)
    with pytest.raises(ValueError, match=r"patterns: covariance of shape \(5, 5\), needs \(6, 6\)"):
        patterns(network, torch.eye(5))
    with pytest.raises(ValueError, match="patterns: 3 of 3 sources have no variance"):
        patterns(network, torch.zeros(6, 6))
