"""The figures of live decoding as tables: what is measured in milliseconds, single figures, cost against context."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

MS = {  # key -> name in the table
    "push_to_client_ms": "sample pushed -> decision at a client",
    "push_to_decision_ms": "sample pushed -> decision",
    "floor": "the same stream pulled by a bare inlet",
}
FIGURES = {  # key -> name in the table
    "sessions": "sessions at once",
    "sessions_held": "most sessions tried without a missed deadline",
    "channels": "channels",
    "sfreq": "samples a second",
    "decisions": "decisions",
    "decisions_per_s": "decisions a second",
    "deadline_misses": "deadlines missed",
    "cpu_ms_per_decision": "processor time a decision, ms",
    "cpu_fraction": "processor share of one core",
    "parameters": "parameters of the network",
    "lost_samples": "samples lost",
    "gaps": "gaps",
    "nan_bursts": "bursts of NaN",
    "reconnects": "streams gone and back",
    "trials": "trials",
    "stream_hours": "hours of stream",
    "times_real_time": "times real time",
    "rss_growth_mb": "growth of memory after warm-up, MB",
    "stamp_drift_ms": "drift of stamps, ms",
    "stamp_error_ms": "largest error of a stamp, ms",
    "mismatched_decisions": "decisions unlike offline's",
}


def live_tables(figures: Mapping[str, Any]) -> Iterator[Table]:
    """All tables of one bench."""
    tables = [_milliseconds(figures)] if millisecond_rows(figures) else []  # a simulated day has no milliseconds
    tables.append(_figures(figures))
    tables[0].title, tables[0].title_justify = figures.get("machine"), "left"
    yield from tables
    if figures.get("context"):
        yield _context(figures["context"])


def millisecond_rows(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    """Name and percentiles of each figure in milliseconds."""
    rows = [(about, figures[key]) for key, about in MS.items() if key in figures and key != "floor"]
    if "floor" in figures:
        rows.append((MS["floor"], figures["floor"]["push_to_pull_ms"]))
    rows += [(f"stage: {name}", row) for name, row in figures.get("stages_ms", {}).items()]
    if "generator" in figures:
        rows.append(("amplifiers push late by", figures["generator"]["late_ms"]))
    if peer := figures.get("peer"):
        rows += [
            ("peer: sample pushed -> decision", peer["push_to_decision_ms"]),
            ("peer: window taken and filtered", peer["window_ms"]),
            ("peer: forward", peer["forward_ms"]),
        ]
    return [(about, row) for about, row in rows if row]


def figure_rows(figures: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Single figures: name, Glimpse's value, the peer's value or an empty string."""
    peer = figures.get("peer") or {}
    rows = [(about, figures[key], peer.get(key, "")) for key, about in FIGURES.items() if key in figures]
    if figures.get("interval_ms"):
        for key, about in (("sd", "standard deviation"), ("p99_less_p50", "p99 less p50")):
            peers_value = (peer.get("interval_ms") or {}).get(key, "")
            rows.append((f"time between decisions, {about}, ms", figures["interval_ms"][key], peers_value))
    return rows


def _milliseconds(figures: Mapping[str, Any]) -> Table:
    table = Table("ms", "p50", "p99", "largest")
    for about, row in millisecond_rows(figures):
        table.add_row(about, *(f"{row[key]:.2f}" for key in ("p50", "p99", "max")))
    return table


def _figures(figures: Mapping[str, Any]) -> Table:
    peer = figures.get("peer")
    table = Table("", "Glimpse", *(["peer"] if peer else []), caption=peer and f"peer: {peer['name']}")
    for about, own, peers_value in figure_rows(figures):
        table.add_row(about, str(own), *([str(peers_value)] if peer else []))
    return table


def _context(rows: list[dict[str, Any]]) -> Table:
    peers = [key.removesuffix("_ms") for key in rows[0] if key.endswith("_ms") and key != "glimpse_ms"]
    columns = ["context, s", "Glimpse, ms a decision", *(f"{name}, ms" for name in peers)]
    table = Table(
        *columns, caption="a hop of Glimpse's network, and a forward of the peer's on a window of that length"
    )
    for row in rows:
        table.add_row(f"{row['context_s']:g}", str(row["glimpse_ms"]), *(str(row[f"{name}_ms"]) for name in peers))
    return table
