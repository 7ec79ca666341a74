"""The certificate of a machine as one page, whole in itself."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from benchmarks.live.tables import figures, milliseconds
from training.report.svg import Axis, Chart, ticks

PAGE = """<!doctype html>
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
COLOURS = ("var(--accent)", "#d9822b", "#8e5bb5")  # ours, then the peers


def page(found: dict[str, Any]) -> str:
    """The page, from the figures of `certify`."""
    late = found["latency"]
    sections = [
        _section(_headline(found["faults"]), "", _list(found["verdict"]), wide=True),
        _section("Sample pushed to decision", _about_latency(late), _latency(late)),
        *([_section("Processor time a decision", _about_peer(late), _bars(late))] if "peer" in late else []),
        *([_section("Cost against context", ABOUT_CONTEXT, _context(late["context"]))] if "context" in late else []),
        _section("Stages of a decision", ABOUT_STAGES, _stages(late["stages_ms"])),
        _section("Sessions at once", ABOUT_SESSIONS, _sessions(found["search"])),
        _section("Memory over the simulated stretch", ABOUT_SOAK, _memory(found["soak"])),
        *(
            _section(title, "", _tables(found[part]))
            for part, title in (
                ("latency", "Latency: every figure"),
                ("throughput", "The most sessions held: every figure"),
                ("ingest", f"{found['ingest']['channels']} channels at {found['ingest']['sfreq']:g} Hz"),
                ("soak", "The simulated stretch: every figure"),
            )
        ),
        _section("What glimpse doctor found", "", _findings(found["doctor"]), wide=True),
    ]
    looks = (files("training.report") / "report.html").read_text(encoding="utf-8")
    return PAGE.format(
        style=looks.partition("<style>")[2].partition("</style>")[0],
        own=OWN_STYLE,
        about=escape(f"{found['machine']}; {found['made']}. Short runs; for long ones there is glimpse bench."),
        sections="\n".join(sections),
    )


OWN_STYLE = """
ul { margin: 6px 0 0; padding-left: 18px; }
.words th, .words td { text-align: left; white-space: normal; }
"""
ABOUT_CONTEXT = (
    "One hop of our network, its attention window made as long, beside a forward of the peers' networks on a window of "
    "that length; one thread each."
)
ABOUT_SESSIONS = (
    "Processor cores of the server as sessions double. The number at each dot counts deadlines missed: decisions that "
    "came to their client later than one hop after their newest sample, or never."
)
ABOUT_STAGES = (
    "Milliseconds that the decisions of one session spend in each stage: the median, and what 99 of 100 stay under."
)
ABOUT_SOAK = "Stream with gaps, NaN and reconnects, decoded as fast as it goes and compared with offline decoding."


def _headline(faults: Sequence[str]) -> str:
    if not faults:
        return "It holds: no deadline of one session missed, no sample lost, every decision as offline"
    return f"It does not hold: {'; '.join(faults)}"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"


def _about_latency(late: dict[str, Any]) -> str:
    return (
        f"Share of decisions that had come so many milliseconds after their newest sample was pushed; "
        f"{late['channels']} channels at {late['sfreq']:g} Hz, a decision every {late['hop_s'] * 1e3:g} ms."
    )


def _about_peer(late: dict[str, Any]) -> str:
    return f"Peer: {late['peer']['name']}; {late['peer']['parameters']:,} parameters, ours {late['parameters']:,}."


def _latency(late: dict[str, Any]) -> str:
    curves = {"Glimpse, at a WebSocket client": late["quantiles_ms"]}
    if "peer" in late:
        curves["peer, in its own process"] = late["peer"]["quantiles_ms"]
    largest = max(ms for curve in curves.values() for _, ms in curve)
    marks = tuple(v for v in (0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if v < 2 * largest)
    x = Axis("milliseconds", 0.5, max(marks[-1], 8), marks, log=True)
    chart = Chart("latency of decisions", x, Axis("per cent of decisions", 0, 100, ticks(0, 100)))
    drawn = [
        _coloured(chart.line([max(ms, 0.5) for _, ms in curve], [q for q, _ in curve]), colour)
        for curve, colour in zip(curves.values(), COLOURS, strict=False)
    ]
    return _legend(list(curves)) + chart.svg(*drawn)


def _bars(late: dict[str, Any]) -> str:
    ours, theirs = late["cpu_ms_per_decision"], late["peer"]["cpu_ms_per_decision"]
    top = 1.25 * max(ours, theirs)
    chart = Chart("processor time a decision", Axis("", 0, 2, ()), Axis("milliseconds", 0, top, ticks(0, top)))
    return chart.svg(
        _coloured(chart.bars([(0.3, 0.7)], [ours], [f"{ours} ms"]), COLOURS[0]),
        _coloured(chart.bars([(1.3, 1.7)], [theirs], [f"{theirs} ms"]), COLOURS[1]),
        chart.note(0.5, ours, f"Glimpse {ours:.2f}"),
        chart.note(1.5, theirs, f"peer {theirs:.2f}"),
    )


def _context(rows: Sequence[dict[str, Any]]) -> str:
    keys = [key for key in rows[0] if key.endswith("_ms")]
    lengths = [row["context_s"] for row in rows]
    top = max(row[key] for row in rows for key in keys)
    x = Axis("seconds of context", 0, max(lengths), tuple(lengths))
    chart = Chart("cost against context", x, Axis("milliseconds a decision", 0, top, ticks(0, top)))
    drawn = [
        _coloured(
            chart.line(lengths, [row[key] for row in rows])
            + chart.dots(lengths, [row[key] for row in rows], [f"{row[key]} ms" for row in rows]),
            colour,
        )
        for key, colour in zip(keys, COLOURS, strict=False)
    ]
    names = ["Glimpse" if key == "glimpse_ms" else f"peer, {key.removesuffix('_ms')}" for key in keys]
    return _legend(names) + chart.svg(*drawn)


def _stages(stages: dict[str, dict[str, float]]) -> str:
    spent = {name: row for name, row in stages.items() if name != "age"}  # the age is what the others add up to
    top = 1.25 * max(row["p99"] for row in spent.values())
    chart = Chart("stages", Axis("", 0, len(spent), ()), Axis("milliseconds", 0, top, ticks(0, top)))
    drawn = []
    for k, (name, row) in enumerate(spent.items()):
        for at, key, colour in ((k + 0.2, "p50", COLOURS[0]), (k + 0.5, "p99", COLOURS[1])):
            bar = chart.bars([(at, at + 0.3)], [row[key]], [f"{name} {key}: {row[key]} ms"])
            drawn += [_coloured(bar, colour), chart.note(at + 0.15, row[key], f"{row[key]:.2f}")]
        drawn.append(chart.note(k + 0.5, 0, name, above=False))
    return _legend(["p50", "p99"]) + chart.svg(*drawn)


def _sessions(tried: Sequence[dict[str, Any]]) -> str:
    numbers, cores = [one["sessions"] for one in tried], [one["cpu_fraction"] for one in tried]
    top = 1.2 * max(cores)
    x = Axis("sessions", numbers[0] / 1.5, numbers[-1] * 1.5, tuple(numbers), log=True)
    chart = Chart("sessions at once", x, Axis("cores", 0, top, ticks(0, top)))
    notes = [chart.note(n, c, f"{one['deadline_misses']}") for n, c, one in zip(numbers, cores, tried, strict=True)]
    tips = [f"{one['sessions']} sessions: {one['deadline_misses']} missed" for one in tried]
    return chart.svg(chart.line(numbers, cores), chart.dots(numbers, cores, tips), *notes)


def _memory(day: dict[str, Any]) -> str:
    hours, mb = zip(*day["rss_mb"], strict=True)
    top = 1.1 * max(mb)
    x = Axis("hours of stream", 0, max(hours), ticks(0, max(hours)))
    chart = Chart("memory over time", x, Axis("MB resident", 0, top, ticks(0, top)))
    return chart.svg(chart.line(hours, mb))


def _tables(found: dict[str, Any]) -> str:
    peer = ["peer"] if "peer" in found else []
    late = [(about, *(f"{row[key]:.2f}" for key in ("p50", "p99", "max"))) for about, row in milliseconds(found)]
    rest = [(about, ours, *([theirs] if peer else [])) for about, ours, theirs in figures(found)]
    return (_table(["milliseconds", "p50", "p99", "largest"], late) if late else "") + _table(
        ["", "Glimpse", *peer], rest
    )


def _findings(rows: Sequence[dict[str, str]]) -> str:
    keys = ("check", "state", "found", "do")
    table = _table(["check", "state", "found", "what to do"], [[row[key] for key in keys] for row in rows])
    return f'<div class="words">{table}</div>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _section(title: str, text: str, content: str, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return f"<section{kind}><h2>{escape(title)}</h2>{f'<p>{escape(text)}</p>' if text else ''}{content}</section>"


def _coloured(marks: str, colour: str) -> str:
    """Marks in another colour than the page's own: the sheet's classes take theirs from --accent."""
    return f'<g style="--accent:{colour}">{marks}</g>' if colour != COLOURS[0] else marks


def _legend(names: Sequence[str]) -> str:
    keys = (
        f'<span style="color:{colour}">&#9632;</span> {escape(name)}'
        for name, colour in zip(names, COLOURS, strict=False)
    )
    return f"<figcaption>{' &nbsp; '.join(keys)}</figcaption>"
