import pytest

from benchmarks.networks.networks import measure_networks
from realtime.errors import BadInput


def test_a_network_is_exported_compared_and_timed() -> None:
    said: list[str] = []
    found = measure_networks(["shallow"], 4, said.append)["networks"]["shallow"]
    assert 0 <= found["difference"] < 1e-4
    assert 0 < found["hop_ms"]["p50"] <= found["hop_ms"]["p99"]
    assert found["weights"] > 0
    assert len(said) == 1


def test_a_network_that_does_not_stream_is_refused() -> None:
    with pytest.raises(BadInput, match="--names: 'flat_mlp' is not a network that streams"):
        measure_networks(["flat_mlp"], 4, print)
