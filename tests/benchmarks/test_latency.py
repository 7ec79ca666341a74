"""The latency bench measures what it says; how fast is not a matter for tests."""

import json

from benchmarks.command import main


def test_latency_reports_percentiles_of_every_stage_beside_a_bare_inlet(tmp_path):
    """A short run gives ordered percentiles, and decoding can never be faster than receiving."""
    out = tmp_path / "latency.json"
    assert main(["latency", "--seconds", "3", "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    for ms in (found["push_to_client_ms"], found["encode_ms"], found["peer"]["push_to_pull_ms"]):
        assert 0 < ms["p50"] <= ms["p99"]
    assert set(found["stages_ms"]) == {"age", "preprocess", "encode", "retrieve"}
    assert found["decisions"] > 50
    assert found["channels"] == 64
    assert found["gaps"] == 0
    assert found["push_to_client_ms"]["p50"] > found["encode_ms"]["p50"]
