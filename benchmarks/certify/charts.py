"""The charts of the certificate: each function takes figures and returns HTML."""

from collections.abc import Sequence
from html import escape
from typing import Any

from training.report.chart import chart_axes, draw_bars, draw_dots, draw_line, draw_note
from training.report.inline_svg import ACCENT, inline_svg

COLOURS = (ACCENT, "#d9822b", "#8e5bb5")  # Glimpse, then the peers
LEGEND_COLOURS = ("var(--accent)", *COLOURS[1:])
LATENCY_TICKS_MS = (0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def latency_chart(latency: dict[str, Any]) -> str:
    """Per cent of decisions against milliseconds since their newest sample was pushed."""
    curves = {"Glimpse, at a WebSocket client": latency["quantiles_ms"]}
    if "peer" in latency:
        curves["peer, in its own process"] = latency["peer"]["quantiles_ms"]
    largest = max(ms for curve in curves.values() for _, ms in curve)
    ticks = [tick for tick in LATENCY_TICKS_MS if tick < 2 * largest]
    limits = (LATENCY_TICKS_MS[0], max(ticks[-1], 8))
    axes = chart_axes("milliseconds", "per cent of decisions", limits, (0, 100), x_ticks=ticks, log_x=True)
    for curve, colour in zip(curves.values(), COLOURS, strict=False):
        draw_line(axes, [max(ms, limits[0]) for _, ms in curve], [percent for percent, _ in curve], colour)
    return _legend(list(curves)) + inline_svg(axes, "Share of decisions by their latency.")


def processor_time_chart(latency: dict[str, Any]) -> str:
    """Processor time of one decision, of Glimpse and of the peer."""
    ours, theirs = latency["cpu_ms_per_decision"], latency["peer"]["cpu_ms_per_decision"]
    axes = chart_axes("", "milliseconds", (0, 2), (0, 1.25 * max(ours, theirs)), x_ticks=())
    for x, name, ms, colour in ((0.5, "Glimpse", ours, COLOURS[0]), (1.5, "peer", theirs, COLOURS[1])):
        draw_bars(axes, [(x - 0.2, x + 0.2)], [ms], [f"{ms} ms"], colour)
        draw_note(axes, x, ms, f"{name} {ms:.2f}")
    return inline_svg(axes, f"Processor time of a decision: Glimpse {ours:.2f} ms, peer {theirs:.2f} ms.")


def context_chart(rows: Sequence[dict[str, Any]]) -> str:
    """Milliseconds of one decision against seconds of context, one line per network."""
    keys = [key for key in rows[0] if key.endswith("_ms")]
    lengths_s = [row["context_s"] for row in rows]
    limits = (0, max(row[key] for row in rows for key in keys))
    axes = chart_axes("seconds of context", "milliseconds a decision", (0, max(lengths_s)), limits, x_ticks=lengths_s)
    for key, colour in zip(keys, COLOURS, strict=False):
        costs = [row[key] for row in rows]
        draw_line(axes, lengths_s, costs, colour)
        draw_dots(axes, lengths_s, costs, [f"{ms} ms" for ms in costs], colour=colour)
    names = ["Glimpse" if key == "glimpse_ms" else f"peer, {key.removesuffix('_ms')}" for key in keys]
    return _legend(names) + inline_svg(axes, "Cost of a decision by the length of its context.")


def stages_chart(stages_ms: dict[str, dict[str, float]]) -> str:
    """The median and the 99th percentile of each stage of a decision, in milliseconds."""
    stages = {name: row for name, row in stages_ms.items() if name != "age"}  # the age is the sum of the others
    top = 1.25 * max(row["p99"] for row in stages.values())
    axes = chart_axes("", "milliseconds", (0, len(stages)), (0, top), x_ticks=())
    for k, (name, row) in enumerate(stages.items()):
        for left, key, colour in ((k + 0.2, "p50", COLOURS[0]), (k + 0.5, "p99", COLOURS[1])):
            draw_bars(axes, [(left, left + 0.3)], [row[key]], [f"{name} {key}: {row[key]} ms"], colour)
            draw_note(axes, left + 0.15, row[key], f"{row[key]:.2f}")
        draw_note(axes, k + 0.5, 0, name, above=False)
    return _legend(["p50", "p99"]) + inline_svg(axes, "Milliseconds of each stage of a decision.")


def sessions_chart(tries: Sequence[dict[str, Any]]) -> str:
    """Processor cores of the server against the number of sessions, with the deadlines missed."""
    sessions, cores = [row["sessions"] for row in tries], [row["cpu_fraction"] for row in tries]
    limits = (sessions[0] / 1.5, sessions[-1] * 1.5)
    axes = chart_axes("sessions", "cores", limits, (0, 1.2 * max(cores)), x_ticks=sessions, log_x=True)
    draw_line(axes, sessions, cores)
    draw_dots(axes, sessions, cores, [f"{row['sessions']} sessions: {row['deadline_misses']} missed" for row in tries])
    for row in tries:
        draw_note(axes, row["sessions"], row["cpu_fraction"], f"{row['deadline_misses']}")
    return inline_svg(axes, "Processor cores by the number of sessions at once.")


def memory_chart(soak: dict[str, Any]) -> str:
    """Resident memory against hours of simulated stream."""
    hours, megabytes = zip(*soak["rss_mb"], strict=True)
    axes = chart_axes("hours of stream", "MB resident", (0, max(hours)), (0, 1.1 * max(megabytes)))
    draw_line(axes, hours, megabytes)
    return inline_svg(axes, "Resident memory by hours of stream.")


def _legend(names: Sequence[str]) -> str:
    keys = (
        f'<span style="color:{colour}">&#9632;</span> {escape(name)}'
        for name, colour in zip(names, LEGEND_COLOURS, strict=False)
    )
    return f"<figcaption>{' &nbsp; '.join(keys)}</figcaption>"
