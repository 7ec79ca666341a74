"""Many sessions at once are really decoded, and the search for how many ends where deadlines are missed."""

import pytest

from benchmarks.live import throughput as bench
from tests.helpers.bundles import tiny_bundle


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "WARM_UP_S", 1.0)
    return tiny_bundle(tmp_path / "tiny").path


def test_every_session_is_decoded_and_all_processes_are_billed(tiny):
    found = bench.throughput(3, 3.0, tiny)
    assert found["sessions"] == 3
    assert found["decisions"] > 3 * 10  # of 16 a second and session for 3 s, on a machine that may be busy
    assert found["decisions_per_s"] == pytest.approx(found["decisions"] / 3, rel=0.2)
    assert found["deadline_misses"] >= 0
    for share in (found, found["generator"], found["clients"]):
        assert 0 < share["cpu_fraction"] < 3
    assert found["push_to_client_ms"]["p50"] <= found["push_to_client_ms"]["p99"]
    assert {"age", "preprocess", "encode", "retrieve"} <= found["stages_ms"].keys()


def test_sessions_double_until_a_deadline_is_missed(monkeypatch):
    def fake_throughput(sessions, seconds, path):
        return {"sessions": sessions, "deadline_misses": sessions // 10, "decisions_per_s": 1.0, "cpu_fraction": 0.5}

    monkeypatch.setattr(bench, "throughput", fake_throughput)
    lines: list[str] = []
    figures = bench.search_sessions(2, 1.0, None, lines.append)
    assert [row["sessions"] for row in figures["search"]] == [2, 4, 8, 16]
    assert (figures["sessions"], figures["sessions_held"]) == (8, 8)
    assert len(lines) == 4


def test_search_without_a_success_returns_the_last_figures(monkeypatch):
    missed = {"sessions": 2, "deadline_misses": 1, "decisions_per_s": 1.0, "cpu_fraction": 0.5}
    monkeypatch.setattr(bench, "throughput", lambda *args: missed)
    assert bench.search_sessions(2, 1.0, None, print) == missed | {"sessions_held": 0, "search": [missed]}
