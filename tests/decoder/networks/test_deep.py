import torch

from decoder.networks import build_network
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 6, "sfreq": 128.0, "hop_samples": 4, "embedding_dim": 16}


def test_has_the_sizes_of_the_paper() -> None:
    """At 128 Hz 5 samples, at 250 Hz 10; blocks of 25, 50, 100, 200, the later ones with 5 taps."""
    network = build_network("deep", **SHARED)
    assert n_weights(network.sensors) == 25 * 5 + 25 * 25 * 6
    assert n_weights(build_network("deep", **(SHARED | {"sfreq": 250.0})).sensors) == 25 * 10 + 25 * 25 * 6
    assert [n_weights(block.conv) for block in network.blocks] == [5 * 25 * 50, 5 * 50 * 100, 5 * 100 * 200]


def test_later_blocks_see_twice_as_far_as_halving_the_rate_would_make_them() -> None:
    network = build_network("deep", **(SHARED | {"hop_samples": 2}))  # where the hop is the paper's first pool
    assert [block.conv.receptive_field for block in network.blocks] == [5, 9, 17]
    assert [block.maximum.window for block in network.blocks] == [2, 4, 8]


def test_the_first_pool_is_the_largest_of_the_hop() -> None:
    network, x = build_network("deep", **SHARED, widths=(5,)).eval(), torch.randn(2, 6, 40)
    seen, _ = network.sensors(x)
    expected = torch.nn.functional.elu(network.norm(seen)).unflatten(-1, (10, 4)).amax(-1).transpose(1, 2)
    torch.testing.assert_close(network.features(x, network.init_state(2), 0)[0], expected)


def test_max_norm_of_all_filters_holds_after_every_step() -> None:
    network = build_network("deep", **SHARED, widths=(8, 8, 8), weight_norm=0.3)
    limited = [network.sensors.temporal, network.sensors.spatial, *(block.conv.conv for block in network.blocks)]
    for _ in takes_steps(network, 3, lr=0.1):
        for layer in limited:
            assert layer.weight.flatten(1).norm(dim=1).max() <= 0.3 + 1e-6
            assert torch.all(layer.parametrizations.weight.original.isfinite())
    assert all(layer.parametrizations.weight.original.flatten(1).norm(dim=1).max() > 0.3 for layer in limited)


def test_learns_which_of_two_sensors_holds_the_rhythm() -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build_network("deep", **SHARED, widths=(8, 8, 16), dropout=0.1), 40, lr=0.01))
    assert losses[-1] < 0.5 * losses[0]
