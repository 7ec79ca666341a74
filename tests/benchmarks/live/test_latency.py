"""The latency bench measures what it says; how fast is not a matter for tests."""

import importlib.util
import json

import pytest

from benchmarks.commands.bench import main
from benchmarks.common.large_bundle import large_bundle
from benchmarks.common.random_bundle import parameters
from realtime.bundle.bundle import Bundle
from serve.commands.demo import DEMO_BUNDLE

needs_peers = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("braindecode", "mne_lsl")),
    reason="the peer loop is not installed; pip install 'glimpse-bci[peers]' mne-lsl",
)
BUNDLE = str(DEMO_BUNDLE)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr("benchmarks.live.latency.WARM_UP_S", 1.0)


def bench(tmp_path, *flags: str) -> dict:
    out = tmp_path / "latency.json"
    assert main(["latency", "--seconds", "3", "--no-context", "--json", str(out), *flags]) == 0
    return json.loads(out.read_text())


@needs_peers
def test_latency_reports_percentiles_of_stages_peer_loop_and_bare_inlet(tmp_path):
    """A short run gives ordered percentiles, and decoding can never be faster than receiving."""
    found = bench(tmp_path)
    peer = found["peer"]
    rows = (found["push_to_client_ms"], found["encode_ms"], found["floor"]["push_to_pull_ms"])
    for ms in (*rows, peer["push_to_decision_ms"], peer["forward_ms"], peer["window_ms"]):
        assert 0 < ms["p50"] <= ms["p99"] <= ms["max"]
    assert set(found["stages_ms"]) == {"age", "preprocess", "encode", "retrieve"}
    for figures in (found, peer):
        assert figures["decisions"] > 10  # of 75; on a busy machine many come after the end
        assert figures["cpu_ms_per_decision"] > 0
        assert figures["deadline_misses"] >= 0
        assert figures["interval_ms"]["sd"] > 0
    assert abs(peer["parameters"] / found["parameters"] - 1) < 0.1
    assert peer["window_s"] == 1.0
    assert found["channels"] == 64
    assert found["gaps"] == 0
    assert found["push_to_client_ms"]["p50"] > found["encode_ms"]["p50"]


def test_a_large_encoder_replaces_the_bundles_and_reads_its_stream(tmp_path):
    with large_bundle(DEMO_BUNDLE) as path:
        demo, large = Bundle.load(DEMO_BUNDLE).manifest, Bundle.load(path).manifest
        assert parameters(large) > 11e6
    assert (large.ch_names, large.sfreq, large.hop_samples) == (demo.ch_names, demo.sfreq, demo.hop_samples)


def test_without_a_peer_only_glimpse_is_measured(tmp_path):
    found = bench(tmp_path, "--peer", "none", "--bundle", BUNDLE)
    assert "peer" not in found
    assert found["decisions"] > 10
