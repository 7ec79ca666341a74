"""`glimpse certify`: one run, one page whole in itself, one JSON, and a verdict that can be no."""

import copy
import json

import pytest

from benchmarks.certify import certify as bench
from benchmarks.certify.page import certificate_page
from benchmarks.commands.certify import FIGURES, PAGE
from glimpse import cli
from realtime.diagnostics.finding import Finding
from tests.benchmarks.commands.test_bench import P

CURVE = [[0, 1.0], [50, 2.0], [100, 9.0]]
FOUND = {
    "latency": {
        "push_to_client_ms": P,
        "quantiles_ms": CURVE,
        "stages_ms": {"age": P, "preprocess": P, "encode": P, "retrieve": P},
        "cpu_ms_per_decision": 1.0,
        "decisions": 10,
        "deadline_misses": 0,
        "interval_ms": {"sd": 0.5, "p99_less_p50": 1.5},
        "parameters": 1000,
        "channels": 64,
        "sfreq": 250.0,
        "hop_s": 0.04,
        "floor": {"push_to_pull_ms": P},
        "peer": {
            "name": "the <loop>",
            "push_to_decision_ms": P,
            "quantiles_ms": CURVE,
            "window_ms": P,
            "forward_ms": P,
            "cpu_ms_per_decision": 12.0,
            "parameters": 1010,
        },
        "context": [{"context_s": s, "glimpse_ms": 0.2, "EEGConformer_ms": 2.0 * s} for s in (1.0, 2.0)],
    },
    "ingest": {"channels": 306, "sfreq": 1000.0, "cpu_fraction": 0.4, "lost_samples": 0, "deadline_misses": 0},
    "soak": {
        "stream_hours": 1.0,
        "mismatched_decisions": 0,
        "decisions": 99,
        "rss_growth_mb": 0.1,
        "stamp_drift_ms": 0.01,
        "rss_mb": [[0.5, 100.0], [1.0, 100.1]],
    },
}
TRIED = [{"sessions": n, "deadline_misses": n // 8, "cpu_fraction": n / 10} for n in (4, 8)]


@pytest.fixture
def measured(monkeypatch):
    """The parts answer at once."""
    found = copy.deepcopy(FOUND)
    for name in found:
        monkeypatch.setattr(bench, name, lambda *given, name=name: found[name])
    monkeypatch.setattr(bench, "search_sessions", lambda *given: TRIED[0] | {"sessions_held": 4, "search": TRIED})
    monkeypatch.setattr(bench, "run_checks", lambda: [Finding("python", "warn", "why", "do this")])
    return found


def test_the_command_writes_page_and_figures_and_returns_0_if_all_held(measured, tmp_path):
    pytest.importorskip("torch")
    out = tmp_path / "new" / "folder"
    asked = ["certify", "--peer", "none", "--out", str(out), "--json", str(tmp_path / "doctor.json")]
    assert cli.main(asked) == 0
    assert json.loads((tmp_path / "doctor.json").read_text())[0]["found"] == "why"
    figures = json.loads((out / FIGURES).read_text())
    assert figures["throughput"]["sessions_held"] == 4
    assert figures["holds"]
    assert (out / PAGE).read_text().count("<svg") == 6


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("latency", "deadline_misses"),
        ("ingest", "lost_samples"),
        ("ingest", "deadline_misses"),
        ("soak", "mismatched_decisions"),
    ],
)
def test_one_fault_in_any_part_and_the_machine_does_not_hold(measured, part, key):
    found = bench.certify(bench.BenchSizes(), "EEGConformer", print)
    assert found["holds"]
    assert "It holds" in certificate_page(found)
    measured[part][key] = 3
    found = bench.certify(bench.BenchSizes(), "EEGConformer", print)
    assert not found["holds"]
    assert f"It does not hold: {found['faults'][0]}" in certificate_page(found).replace("&#x27;", "'")
    assert found["faults"][0].endswith(": 3")


def test_the_page_is_self_contained_escaped_and_works_without_a_peer(measured):
    found = bench.certify(bench.BenchSizes(), "EEGConformer", print)
    html = certificate_page(found)
    assert "the &lt;loop&gt;" in html
    assert "12.0 times as much" in html
    assert "With 2 s of context instead of 1 s the network alone costs 1.0 times as much; EEGConformer 2.0" in html
    assert "<td>why</td><td>do this</td>" in html
    assert not any(word in html for word in ("http://", "https://", "<script", "url("))
    for key in ("peer", "context"):
        del measured["latency"][key]
    assert certificate_page(bench.certify(bench.BenchSizes(), None, print)).count("<svg") == 4


def test_a_file_where_the_folder_should_be_is_refused_before_any_work(tmp_path, capsys):
    file = tmp_path / "taken"
    file.write_text("")
    assert cli.main(["certify", "--out", str(file)]) == 2
    assert "is a file, a folder is needed" in capsys.readouterr().err
