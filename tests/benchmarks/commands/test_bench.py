"""`glimpse bench` writes figures where it was told, and says before the work where it cannot."""

import json

import pytest

from benchmarks.commands import bench as command
from benchmarks.live.tables import figure_rows, live_tables, millisecond_rows
from realtime.errors import BadInput
from tests.helpers.bundles import tiny_bundle

P = {"p50": 1.0, "p99": 2.0, "max": 3.0}
LATENCY = {
    "push_to_client_ms": P,
    "stages_ms": {"encode": P, "retrieve": None},
    "cpu_ms_per_decision": 1.0,
    "interval_ms": {"sd": 0.5, "p99_less_p50": 1.5},
    "floor": {"push_to_pull_ms": P},
    "peer": {
        "name": "the loop",
        "push_to_decision_ms": P,
        "window_ms": P,
        "forward_ms": P,
        "cpu_ms_per_decision": 11.0,
        "interval_ms": None,
    },
    "context": [{"context_s": 1.0, "glimpse_ms": 0.2, "Net_ms": 2.0, "Net_parameters": 9}],
}


@pytest.mark.parametrize("name", ["latency", "throughput", "ingest", "soak", "networks", "accuracy", "bad-channels"])
def test_figures_into_a_folder_are_refused_before_any_work(name, tmp_path):
    with pytest.raises(BadInput, match="--json: .* is a folder, a file is needed"):
        command.main([name, "--json", str(tmp_path)])


@pytest.mark.parametrize(
    "arguments",
    [
        ["latency", "--seconds", "0"],
        ["latency", "--seconds", "nan"],
        ["throughput", "--seconds", "-5"],
        ["throughput", "--seconds", "inf"],
        ["throughput", "--sessions", "0"],
        ["ingest", "--channels", "1"],
        ["ingest", "--sfreq", "0"],
        ["soak", "--hours", "0"],
        ["accuracy", "--seeds", "0"],
        ["bad-channels", "--minutes", "0"],
    ],
)
def test_a_number_that_gives_no_figure_is_refused_before_any_work(arguments):
    flag, value = arguments[1:]
    with pytest.raises(BadInput, match=f"{flag}: {value} found, at least .* is needed"):
        command.main(arguments)


def test_what_only_a_gat_transformer_can_be_measured_for_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.live.latency.check_peer_loop_installed", lambda instead: None)
    bundle = str(tiny_bundle(tmp_path / "tiny").path)
    with pytest.raises(BadInput, match="--context: .* a gat_transformer is needed"):
        command.main(["latency", "--bundle", bundle])


@pytest.mark.parametrize(
    ("arguments", "module", "name"),
    [
        (["throughput", "--sessions", "3", "--seconds", "2"], "benchmarks.live.throughput", "throughput"),
        (["ingest", "--channels", "8"], "benchmarks.live.ingest", "ingest"),
        (["soak", "--hours", "0.1"], "benchmarks.soak.soak", "soak"),
        (["latency", "--peer", "none"], "benchmarks.live.latency", "latency"),
    ],
)
def test_every_bench_prints_tables_and_writes_all_of_its_figures(arguments, module, name, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{module}.{name}", lambda *given: {"decisions": 7, "given": str(given)})
    out = tmp_path / "figures.json"
    assert command.main([*arguments, "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found["decisions"] == 7
    assert all(value in found["given"] for value in arguments[2::2] if value != "none")


def test_search_writes_the_figures_of_all_sessions_tried(tmp_path, monkeypatch):
    figures = {"sessions": 4, "sessions_held": 4, "search": [{"sessions": 4}, {"sessions": 8}]}
    monkeypatch.setattr("benchmarks.live.throughput.search_sessions", lambda *args: figures)
    out = tmp_path / "figures.json"
    assert command.main(["throughput", "--search", "--json", str(out)]) == 0
    assert json.loads(out.read_text()) == figures


def test_tables_show_own_and_peer_figures_and_omit_missing_ones():
    rows = dict(millisecond_rows(LATENCY))
    assert rows["peer: forward"] == P
    assert "stage: encode" in rows
    assert "stage: retrieve" not in rows
    assert ("processor time a decision, ms", 1.0, 11.0) in figure_rows(LATENCY)
    assert len(list(live_tables(LATENCY))) == 3
    (only,) = live_tables({"decisions": 1, "machine": "2 cores"})  # no empty table of milliseconds
    assert only.title == "2 cores"
