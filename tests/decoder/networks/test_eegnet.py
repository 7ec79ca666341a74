import pytest
import torch

from decoder.networks import build_network
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 64, "sfreq": 128.0, "hop_samples": 4, "embedding_dim": 16}


def test_has_the_sizes_of_the_paper_at_128_hz() -> None:
    """Filters are shared between the spatial filters of their group; pools last 4 samples and 8 steps."""
    network = build_network("eegnet", **SHARED)
    assert n_weights(network.temporal) == 8 * 64
    assert n_weights(network.spatial) == 16 * 64
    assert n_weights(network.separable) + n_weights(network.pointwise) == 16 * 16 + 16 * 16
    assert network.mean.window == 8


def test_sizes_for_steady_state_responses() -> None:
    network = build_network("eegnet_ssvep", n_channels=8, sfreq=256.0, hop_samples=4, embedding_dim=12)
    assert n_weights(network.temporal) == 96 * 256
    assert n_weights(network.spatial) == 96 * 8
    assert n_weights(network.pointwise) == 96 * 96


def test_filters_of_one_group_are_one() -> None:
    weight = build_network("eegnet", **SHARED).temporal.conv.weight
    assert torch.equal(weight[::2], weight[1::2])
    assert not torch.equal(weight[0], weight[2])


def test_answers_as_time_before_space_with_a_norm_between_does() -> None:
    """The paper's order of the first two convolutions, its norm between them included, gives the same features."""
    torch.manual_seed(0)
    network = build_network("eegnet", **(SHARED | {"n_channels": 5}), dropout=0.0)
    x = torch.randn(8, 5, 256)
    ours = network.norm(network.temporal(network.spatial(x))[0])
    filters = network.temporal.conv.weight[::2]  # [8, 1, 64]
    in_time = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (63, 0)).flatten(0, 1)[:, None], filters)
    in_time = torch.nn.BatchNorm2d(8)(in_time.unflatten(0, (8, 5)).transpose(1, 2))  # [B, F, C, T]
    spatial = network.spatial.weight[..., 0].unflatten(0, (8, 2))
    theirs = torch.einsum("bfct,fdc->bfdt", in_time, spatial).flatten(1, 2)
    theirs = torch.nn.BatchNorm1d(16)(theirs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)  # the two norms' eps of 1e-5 against variances near 0.1


@pytest.mark.parametrize("name", ["eegnet", "eegnet_ssvep"])
def test_max_norm_of_spatial_filters_holds_after_every_step(name: str) -> None:
    network = build_network(name, **(SHARED | {"n_channels": 6}), spatial_norm=0.2)
    norms = []
    for _ in takes_steps(network, 3, lr=0.3):
        norms.append(network.spatial.weight.flatten(1).norm(dim=1))
    assert torch.stack(norms).max() <= 0.2 + 1e-6
    assert network.spatial.parametrizations.weight.original.flatten(1).norm(dim=1).max() > 0.2


@pytest.mark.parametrize("name", ["eegnet", "eegnet_ssvep"])
def test_learns_which_of_two_sensors_holds_the_rhythm(name: str) -> None:
    torch.manual_seed(0)
    losses = list(
        takes_steps(build_network(name, **(SHARED | {"n_channels": 6}), n_filters=4, dropout=0.1), 30, lr=0.01)
    )
    assert losses[-1] < 0.6 * losses[0]
