"""Many sessions at once: amplifiers in one process, the server in another, a WebSocket client for each session here."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.common.amplifiers import NoiseAmplifiers, run_amplifiers
from benchmarks.common.machine import machine
from benchmarks.common.timing import percentiles, summarise_timings
from benchmarks.common.worker_process import WorkerProcess
from benchmarks.live.latency import WARM_UP_S, stages, wait_decisions
from benchmarks.live.server_process import TimedClients, open_session, serve
from realtime.bundle.bundle import Bundle
from serve.commands.demo import DEMO_BUNDLE
from serve.settings import Settings

MAX_SESSIONS = 1024


def throughput(sessions: int, seconds: float, bundle_path: Path | None) -> dict[str, Any]:
    """Figures of `sessions` streams decoded for `seconds`.

    A deadline is missed where a decision reaches its client later than one hop after its newest sample, or never.
    """
    path = bundle_path or DEMO_BUNDLE
    bundle = Bundle.load(path)
    manifest = bundle.manifest
    hop_s = manifest.hop_samples / bundle.preprocess.sfreq
    names = tuple(f"glimpse-bench-throughput-{k}" for k in range(sessions))
    rig = NoiseAmplifiers(
        names=names,
        ch_names=tuple(manifest.ch_names),
        sfreq=manifest.sfreq,
        labels=tuple(manifest.events),
        hop_samples=round(hop_s * manifest.sfreq),
    )
    with WorkerProcess(run_amplifiers, rig) as generator:
        generator.next_message()
        figures = _decode_all(path, names, hop_s, seconds, generator)
        late_ms = generator.finish()["late_ms"]
    figures["generator"]["late_ms"] = late_ms
    return {
        "sessions": sessions,
        "seconds": seconds,
        **figures,
        "channels": len(rig.ch_names),
        "sfreq": rig.sfreq,
        "hop_s": hop_s,
        "machine": machine(),
    }


def _decode_all(
    path: Path, names: tuple[str, ...], hop_s: float, seconds: float, generator: WorkerProcess
) -> dict[str, Any]:
    """Figures of a server that decodes the streams `names`, and of the processes around it."""
    settings = Settings(bundle=path, stream=names[0], markers=f"{names[0]}-markers", port=0)
    with WorkerProcess(serve, settings) as server:
        url = server.next_message()
        clients = TimedClients(url, ["s1", *(open_session(url, name) for name in names[1:])], hop_s)
        try:
            wait_decisions(clients)
            time.sleep(WARM_UP_S)
            began = local_clock()
            before = server.cpu_s(), generator.cpu_s(), time.process_time()
            time.sleep(seconds)
            after = server.cpu_s(), generator.cpu_s(), time.process_time()
            ended = local_clock()
        finally:
            clients.close()
        server.finish()
    timings = [timing.between(began, ended) for timing in clients.timings.values()]
    server_s, generator_s, clients_s = (late - early for early, late in zip(before, after, strict=True))
    totals = summarise_timings(timings)
    return {
        "decisions_per_s": round(totals["decisions"] / (ended - began), 2),
        **totals,
        "push_to_client_ms": percentiles(np.concatenate([timing.late_ms for timing in timings])),
        **stages(clients, began),
        "cpu_ms_per_decision": round(server_s * 1e3 / max(totals["decisions"], 1), 3),
        "cpu_fraction": round(server_s / (ended - began), 3),
        "generator": {"cpu_fraction": round(generator_s / (ended - began), 3)},
        "clients": {"cpu_fraction": round(clients_s / (ended - began), 3), "lost_messages": clients.lost},
    }


def search_sessions(first: int, seconds: float, bundle_path: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of `first` sessions, then of twice as many, until a deadline is missed.

    The figures are those of the most sessions without a miss, whose number is `sessions_held`, or of the last where
    there are none; `search` has all.
    """
    tried = []
    sessions = first
    while sessions <= MAX_SESSIONS:
        tried.append(figures := throughput(sessions, seconds, bundle_path))
        say(
            f"{sessions} sessions: {figures['deadline_misses']} deadlines missed, {figures['decisions_per_s']:g} "
            f"decisions a second, {figures['cpu_fraction']:.2f} cores"
        )
        if figures["deadline_misses"]:
            break
        sessions *= 2
    held = [figures for figures in tried if not figures["deadline_misses"]]
    return (held or tried)[-1] | {"sessions_held": held[-1]["sessions"] if held else 0, "search": tried}
