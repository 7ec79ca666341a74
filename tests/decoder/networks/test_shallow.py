import math

import torch

from decoder.networks import build_network
from tests.helpers.encoders import n_weights, takes_steps

SHARED = {"n_channels": 6, "sfreq": 250.0, "hop_samples": 5, "embedding_dim": 16}


def test_has_the_sizes_of_the_paper_at_250_hz() -> None:
    network = build_network("shallow", **SHARED)
    assert n_weights(network.sensors) == 40 * 25 + 40 * 40 * 6
    assert network.mean.window * 5 == 75
    assert build_network("shallow", **(SHARED | {"sfreq": 128.0})).sensors.kernel == 13


def test_features_are_log_power() -> None:
    """Doubling the signal adds log 4 to every feature, and silence is the smallest power there is, not -inf."""
    network = build_network("shallow", **SHARED, n_filters=4).eval()
    x = torch.randn(2, 6, 500)
    silent = network.init_state(2)
    with torch.inference_mode():
        once, twice = network.features(x, silent, 0)[0], network.features(2 * x, silent, 0)[0]
        torch.testing.assert_close(twice, once + math.log(4), rtol=0, atol=1e-4)
        none = network.features(0 * x, silent, 0)[0]
    torch.testing.assert_close(none, torch.full_like(none, math.log(1e-7)))


def test_learns_which_of_two_sensors_holds_the_rhythm() -> None:
    torch.manual_seed(0)
    losses = list(takes_steps(build_network("shallow", **SHARED, n_filters=8, dropout=0.1), 30, lr=0.01))
    assert losses[-1] < 0.5 * losses[0]
