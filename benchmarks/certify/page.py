"""The certificate of a machine as one self-contained HTML page."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from benchmarks.certify import charts
from benchmarks.live.tables import figure_rows, millisecond_rows
from training.report.html import section, table

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What this machine can hold</title>
<style>{style}{own}</style>
</head>
<body>
<header><h1>What this machine can hold</h1><p class="muted">{about}</p></header>
<main>
{sections}
</main>
</body>
</html>
"""
OWN_STYLE = """
ul { margin: 6px 0 0; padding-left: 18px; }
.words th, .words td { text-align: left; white-space: normal; }
"""
ABOUT_CONTEXT = (
    "Time of one hop of our network with an attention window of that length, and of one forward pass of the peers' "
    "networks on a window of that length; one thread each."
)
ABOUT_SESSIONS = (
    "Processor cores of the server as sessions double. The number at each dot is the number of deadlines missed: "
    "decisions that came to their client later than one hop after their newest sample, or never."
)
ABOUT_STAGES = "Milliseconds that the decisions of one session spend in each stage: the median and the 99th percentile."
ABOUT_SOAK = "Stream with gaps, NaN and reconnects, decoded as fast as possible and compared with offline decoding."


def certificate_page(metrics: dict[str, Any]) -> str:
    """The page, from the figures of `certify`."""
    style = (files("training.report") / "report.html").read_text(encoding="utf-8")
    return TEMPLATE.format(
        style=style.partition("<style>")[2].partition("</style>")[0],
        own=OWN_STYLE,
        about=escape(f"{metrics['machine']}; {metrics['made']}. Short runs; for long ones there is glimpse bench."),
        sections="\n".join([*_charts(metrics), *_figures(metrics)]),
    )


def _charts(metrics: dict[str, Any]) -> list[str]:
    """The verdict and the sections with a chart."""
    latency = metrics["latency"]
    sections = [
        section(_headline(metrics["faults"]), "", _list(metrics["verdict"]), wide=True),
        section("Sample pushed to decision", _about_latency(latency), charts.latency_chart(latency)),
    ]
    if "peer" in latency:
        chart = charts.processor_time_chart(latency)
        sections.append(section("Processor time a decision", _about_peer(latency), chart))
    if "context" in latency:
        sections.append(section("Cost against context", ABOUT_CONTEXT, charts.context_chart(latency["context"])))
    return [
        *sections,
        section("Stages of a decision", ABOUT_STAGES, charts.stages_chart(latency["stages_ms"])),
        section("Sessions at once", ABOUT_SESSIONS, charts.sessions_chart(metrics["search"])),
        section("Memory over the simulated stream", ABOUT_SOAK, charts.memory_chart(metrics["soak"])),
    ]


def _figures(metrics: dict[str, Any]) -> list[str]:
    """The sections with every figure of a bench, and what `glimpse doctor` reports."""
    helmet = metrics["ingest"]
    titles = {
        "latency": "Latency: every figure",
        "throughput": "The most sessions held: every figure",
        "ingest": f"{helmet['channels']} channels at {helmet['sfreq']:g} Hz",
        "soak": "The simulated stream: every figure",
    }
    sections = [section(title, "", _tables(metrics[name])) for name, title in titles.items()]
    return [*sections, section("Findings of glimpse doctor", "", _findings(metrics["doctor"]), wide=True)]


def _headline(faults: Sequence[str]) -> str:
    if not faults:
        return "It holds: no deadline of one session missed, no sample lost, every decision as offline"
    return f"It does not hold: {'; '.join(faults)}"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _about_latency(latency: dict[str, Any]) -> str:
    return (
        f"Share of decisions that arrived within so many milliseconds of their newest sample; {latency['channels']} "
        f"channels at {latency['sfreq']:g} Hz, a decision every {latency['hop_s'] * 1e3:g} ms."
    )


def _about_peer(latency: dict[str, Any]) -> str:
    peer = latency["peer"]
    return f"Peer: {peer['name']}; {peer['parameters']:,} parameters, ours {latency['parameters']:,}."


def _tables(metrics: dict[str, Any]) -> str:
    """The latencies of a bench where it has any, and its single figures next to the peer's."""
    peer = ["peer"] if "peer" in metrics else []
    latencies = [
        (name, *(f"{row[key]:.2f}" for key in ("p50", "p99", "max"))) for name, row in millisecond_rows(metrics)
    ]
    rest = [(name, ours, *([theirs] if peer else [])) for name, ours, theirs in figure_rows(metrics)]
    timings = table(["milliseconds", "p50", "p99", "largest"], latencies) if latencies else ""
    return timings + table(["", "Glimpse", *peer], rest)


def _findings(rows: Sequence[dict[str, str]]) -> str:
    keys = ("check", "state", "found", "do")
    findings = table(["check", "state", "found", "what to do"], [[row[key] for key in keys] for row in rows])
    return f'<div class="words">{findings}</div>'
