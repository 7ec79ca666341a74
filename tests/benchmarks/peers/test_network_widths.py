"""The peer's network is as large as ours."""

import importlib.util

import pytest

from benchmarks.live.latency import latency
from benchmarks.peers import network_widths
from realtime.errors import BadInput
from tests.helpers.bundles import tiny_bundle

SMALL = {"n_channels": 8, "sfreq": 128.0, "hop_samples": 8, "embedding_dim": 6, "dim": 4, "n_layers": 1}
needs_braindecode = pytest.mark.skipif(
    importlib.util.find_spec("braindecode") is None,
    reason="braindecode is not installed; pip install 'glimpse-bci[peers]'",
)


@needs_braindecode
@pytest.mark.parametrize("name", network_widths.WIDE)
def test_a_peer_network_has_the_requested_size_for_any_window_length(name):
    import torch

    expected, shape = 146_396, (64, 48)
    width = network_widths.width_for(name, expected, *shape, 250, 250.0)
    network = network_widths.peer_network(name, *shape, 250, 250.0, width)
    assert abs(network_widths.count_parameters(network) / expected - 1) < 0.1
    longer = network_widths.peer_network(name, *shape, 500, 250.0, width)
    with torch.inference_mode():
        assert network(torch.zeros(1, 64, 250)).shape == longer(torch.zeros(1, 64, 500)).shape == (1, 48)


@needs_braindecode
def test_a_size_that_no_width_gives_is_refused():
    with pytest.raises(BadInput, match="no width gives EEGConformer the 10 parameters"):
        network_widths.width_for("EEGConformer", 10, 64, 48, 250, 250.0)


@needs_braindecode
@pytest.mark.parametrize("name", network_widths.WIDE)
@pytest.mark.parametrize("n_parameters", [20_000, 50_000, 146_396, 1_000_000])
def test_the_width_is_the_nearest_of_all(name, n_parameters):
    shape = (8, 4, 250, 250.0)
    found = {
        width: network_widths.count_parameters(network_widths.peer_network(name, *shape, width))
        for width in range(2, 80)
    }
    nearest = min(found, key=lambda width: abs(found[width] - n_parameters))
    if abs(found[nearest] / n_parameters - 1) < network_widths.EQUAL:
        assert network_widths.width_for(name, n_parameters, *shape) == nearest


@needs_braindecode
def test_a_peer_that_cannot_be_as_large_is_refused_before_anything_is_measured(tmp_path, monkeypatch):
    """The encoder has fewer parameters than any of them."""
    monkeypatch.setattr("benchmarks.live.latency.check_peer_loop_installed", lambda instead: None)
    monkeypatch.setattr("benchmarks.live.latency.simulated_amplifier", lambda amplifier: pytest.fail("measured"))
    with pytest.raises(BadInput, match="--peer: no width gives EEGConformer the .*--peer ShallowFBCSPNet"):
        latency(
            1.0,
            tiny_bundle(tmp_path / "small", network={"name": "gat_transformer", "config": SMALL}).path,
            "EEGConformer",
        )


def test_missing_libraries_are_reported_with_the_flag_that_avoids_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mne_lsl" else name)
    with pytest.raises(BadInput, match="needs mne_lsl, .* --peer none"):
        network_widths.check_peer_loop_installed("--peer none")
