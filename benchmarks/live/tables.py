"""The figures of live decoding as tables: what is measured in milliseconds, single figures, cost against context."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

MS = {  # key -> what it is
    "push_to_client_ms": "sample pushed -> decision at a client",
    "push_to_decision_ms": "sample pushed -> decision",
    "floor": "the same stream pulled by a bare inlet",
}
FIGURES = {  # key -> what it is
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


def tables_of(found: Mapping[str, Any]) -> Iterator[Table]:
    """Everything there is to show of one bench."""
    tables = [_milliseconds(found)] if milliseconds(found) else []  # a simulated day has none
    tables.append(_figures(found))
    tables[0].title, tables[0].title_justify = found.get("machine"), "left"
    yield from tables
    if found.get("context"):
        yield _context(found["context"])


def milliseconds(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, float]]]:
    """What is measured in milliseconds, each with its percentiles."""
    rows = [(about, found[key]) for key, about in MS.items() if key in found and key != "floor"]
    if "floor" in found:
        rows.append((MS["floor"], found["floor"]["push_to_pull_ms"]))
    rows += [(f"stage: {name}", row) for name, row in found.get("stages_ms", {}).items()]
    if "generator" in found:
        rows.append(("amplifiers push late by", found["generator"]["late_ms"]))
    if peer := found.get("peer"):
        rows += [
            ("peer: sample pushed -> decision", peer["push_to_decision_ms"]),
            ("peer: window taken and filtered", peer["window_ms"]),
            ("peer: forward", peer["forward_ms"]),
        ]
    return [(about, row) for about, row in rows if row]


def figures(found: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Single figures: what it is, ours, the peer's or nothing."""
    peer = found.get("peer") or {}
    rows = [(about, found[key], peer.get(key, "")) for key, about in FIGURES.items() if key in found]
    if found.get("interval_ms"):
        for key, about in (("sd", "standard deviation"), ("p99_less_p50", "p99 less p50")):
            theirs = (peer.get("interval_ms") or {}).get(key, "")
            rows.append((f"time between decisions, {about}, ms", found["interval_ms"][key], theirs))
    return rows


def _milliseconds(found: Mapping[str, Any]) -> Table:
    table = Table("ms", "p50", "p99", "largest")
    for about, row in milliseconds(found):
        table.add_row(about, *(f"{row[key]:.2f}" for key in ("p50", "p99", "max")))
    return table


def _figures(found: Mapping[str, Any]) -> Table:
    peer = found.get("peer")
    table = Table("", "Glimpse", *(["peer"] if peer else []), caption=peer and f"peer: {peer['name']}")
    for about, ours, theirs in figures(found):
        table.add_row(about, str(ours), *([str(theirs)] if peer else []))
    return table


def _context(rows: list[dict[str, Any]]) -> Table:
    peers = [key.removesuffix("_ms") for key in rows[0] if key.endswith("_ms") and key != "glimpse_ms"]
    columns = ["context, s", "Glimpse, ms a decision", *(f"{name}, ms" for name in peers)]
    table = Table(*columns, caption="a hop of our network beside a forward of the peer's on a window of that length")
    for row in rows:
        table.add_row(f"{row['context_s']:g}", str(row["glimpse_ms"]), *(str(row[f"{name}_ms"]) for name in peers))
    return table
