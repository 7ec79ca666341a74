import pytest
import torch

from decoder.networks import build_network
from decoder.networks.spatiotemporal import SpatioTemporal

KNOWN = {"n_channels": 4, "sfreq": 64.0, "hop_samples": 8, "embedding_dim": 3}


def network(**options: object) -> SpatioTemporal:
    torch.manual_seed(0)
    return build_network("spatiotemporal", **KNOWN, **options).eval()


@pytest.mark.parametrize("change", [{"spatial_layers": 0}, {"temporal_layers": 0}, {"window_s": 0.5}])
def test_either_transformer_and_the_window_may_be_changed(change: dict) -> None:
    x = torch.randn(1, 4, 128)
    y = network(**change)(x)[0]
    assert y.isfinite().all()
    assert not torch.allclose(y, network()(x)[0])


def test_window_length_decides_how_far_back_the_features_of_a_hop_reach() -> None:
    """Without attention over time and before the readout, a hop knows its window and the filters' half second."""
    reach = {}
    for window_s in (0.5, 1.0):
        module = network(window_s=window_s, temporal_layers=0)
        x = torch.randn(1, 4, 256, requires_grad=True)
        (module.features(x, module.init_state(1), 0)[0][0, -1] * torch.randn(64)).sum().backward()
        reach[window_s] = 256 - int(x.grad.abs().amax((0, 1)).nonzero()[0])
    assert reach == {0.5: 32 + 32, 1.0: 64 + 32}


def test_a_rhythm_is_detected_at_any_phase() -> None:
    module, time_s = network(), torch.arange(256) / 64
    waves = torch.stack([torch.sin(2 * torch.pi * 10 * time_s + phase) for phase in (0.0, 1.0)])
    y = module.features(waves[:, None].expand(-1, 4, -1), module.init_state(2), 0)[0][:, -1]
    torch.testing.assert_close(y[0], y[1], atol=0.05, rtol=0.0)
    other = torch.sin(2 * torch.pi * 20 * time_s).expand(1, 4, -1)
    assert (module.features(other, module.init_state(1), 0)[0][0, -1] - y[0]).abs().max() > 0.5
