"""How many sessions this machine decodes in time, measured in one run and compared with the peer loop.

These are short versions of `glimpse bench latency`, `throughput`, `ingest` and `soak`: for figures to publish, run
those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from benchmarks.common.machine import machine
from benchmarks.live.ingest import ingest
from benchmarks.live.latency import CONTEXTS_S, latency
from benchmarks.live.throughput import search_sessions
from benchmarks.soak.soak import soak
from realtime.diagnostics.checks import run_checks


@dataclass(frozen=True)
class BenchSizes:
    """Duration and size of each bench."""

    latency_s: float = 30.0
    contexts_s: tuple[float, ...] = CONTEXTS_S
    first_sessions: int = 4
    sessions_s: float = 15.0
    channels: int = 306
    sfreq: float = 1000.0
    ingest_s: float = 20.0
    soak_hours: float = 1.0


def certify(sizes: BenchSizes, peer: str | None, say: Callable[[str], None]) -> dict[str, Any]:
    """All figures; the benches run one after another, so that none disturbs another."""
    findings = [finding.to_json() for finding in run_checks()]
    say("latency of Glimpse and of the peer")
    latency_figures = latency(sizes.latency_s, None, peer, sizes.contexts_s if peer else (), say)
    say("sessions at once")
    many = search_sessions(sizes.first_sessions, sizes.sessions_s, None, say)
    say(f"{sizes.channels} channels at {sizes.sfreq:g} Hz")
    ingest_figures = ingest(sizes.channels, sizes.sfreq, sizes.ingest_s)
    say(f"{sizes.soak_hours:g} h of stream, fast")
    day = soak(sizes.soak_hours, None, say)
    figures = {
        "doctor": findings,
        "latency": latency_figures,
        "throughput": {key: value for key, value in many.items() if key != "search"},
        "search": many["search"],
        "ingest": ingest_figures,
        "soak": day,
        "machine": machine(),
        "made": f"{datetime.now().astimezone():%Y-%m-%d %H:%M}, Glimpse {version('glimpse-bci')}",
    }
    wrong = faults(figures)
    return figures | {"verdict": verdict(figures), "faults": wrong, "holds": not wrong}


def faults(figures: dict[str, Any]) -> list[str]:
    """What went wrong in any bench, in sentences; without any the machine "holds": it decodes in time and in full.

    The limit on latency is one hop: a decision is due when the samples of the next are complete (common/timing.py).
    """
    totals = {
        "deadlines missed by one session": figures["latency"]["deadline_misses"],
        "deadlines missed by the helmet": figures["ingest"]["deadline_misses"],
        "samples of the helmet lost": figures["ingest"]["lost_samples"],
        "decisions unlike offline's": figures["soak"]["mismatched_decisions"],
    }
    wrong = [f"{about}: {count}" for about, count in totals.items() if count]
    if not figures["throughput"]["sessions_held"]:
        wrong.append(f"{figures['search'][0]['sessions']} sessions at once are too many")
    return wrong


def verdict(figures: dict[str, Any]) -> list[str]:
    """The figures in sentences."""
    late, many, whole_head, day = (figures[bench] for bench in ("latency", "throughput", "ingest", "soak"))
    sentences = [
        f"Sample to decision at a client: p50 {late['push_to_client_ms']['p50']:.1f} ms, p99 "
        f"{late['push_to_client_ms']['p99']:.1f} ms; {late['deadline_misses']} of {late['decisions']} were late.",
        f"Sessions at once without a missed deadline: {many['sessions_held']}, each of {late['channels']} channels; "
        f"{figures['search'][-1]['sessions']} were the most tried.",
        f"{whole_head['channels']} channels at {whole_head['sfreq']:g} Hz: {whole_head['cpu_fraction']:.2f} cores, "
        f"{whole_head['lost_samples']} samples lost.",
        f"{day['stream_hours']:g} h of stream: {day['mismatched_decisions']} of {day['decisions']} decisions unlike "
        f"offline's, memory grew by {day['rss_growth_mb']:g} MB, stamps drifted by {day['stamp_drift_ms']:g} ms.",
    ]
    if peer := late.get("peer"):
        ratio = peer["cpu_ms_per_decision"] / late["cpu_ms_per_decision"]
        sentences.insert(
            1,
            f"A decision costs {late['cpu_ms_per_decision']:.2f} ms of processor time, the peer's "
            f"{peer['cpu_ms_per_decision']:.2f}, {ratio:.1f} times as much; the peer's p50 is "
            f"{peer['push_to_decision_ms']['p50']:.1f} ms, its p99 {peer['push_to_decision_ms']['p99']:.1f} ms.",
        )
    if context := late.get("context"):
        shortest, longest = context[0], context[-1]
        growth = {key.removesuffix("_ms"): longest[key] / shortest[key] for key in shortest if key.endswith("_ms")}
        sentences.insert(
            2,
            f"With {longest['context_s']:g} s of context instead of {shortest['context_s']:g} s the network alone "
            f"costs {growth.pop('glimpse'):.1f} times as much; "
            f"{', '.join(f'{name} {ratio:.1f} times' for name, ratio in growth.items())}.",
        )
    return sentences
