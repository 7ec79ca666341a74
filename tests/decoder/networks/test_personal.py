"""A calibrated network: what is inside, heard through a mixing of channels."""

import pytest
import torch

from decoder.networks import build_network

SHARED = {"n_channels": 3, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 4}
INNER = {"name": "shallow", "config": SHARED}


def test_a_new_personal_network_equals_the_network_inside():
    torch.manual_seed(0)
    module = build_network("calibrated", **SHARED, network=INNER).eval()
    x, onset = torch.randn(2, 3, 64), torch.rand(2, 8)
    assert torch.equal(module(x, None, onset)[0], module.network(x, None, onset)[0])


def test_swapped_electrodes_are_swapped_back():
    torch.manual_seed(0)
    module = build_network("calibrated", **SHARED, network=INNER).eval()
    x = torch.randn(2, 3, 64)
    with torch.no_grad():
        module.mixing.matrix.copy_(torch.eye(3)[[1, 0, 2]])
    torch.testing.assert_close(module(x[:, [1, 0, 2]])[0], module.network(x)[0])
    assert not torch.allclose(module(x)[0], module.network(x)[0])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"network": {"name": "flat_mlp", "config": SHARED}}, "its network takes whole windows, needs a network that"),
        ({"n_channels": 2}, "n_channels of its network is 3, needs 2"),
        ({"network": {}}, "network '' is not known"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        build_network("calibrated", **SHARED | {"network": INNER} | changes)
