"""Many sessions at once: amplifiers in one process, the server in another, a WebSocket client for each session here."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.common import amplifiers
from benchmarks.common.machine import machine
from benchmarks.common.timing import percentiles, summary
from benchmarks.common.worker_process import WorkerProcess
from benchmarks.live.latency import WARM_UP_S, stages, wait_decisions
from benchmarks.live.server_process import TimedClients, open_session, serve
from realtime.bundle.bundle import Bundle
from serve.commands.demo import DEMO_BUNDLE
from serve.settings import Settings

MOST_SESSIONS = 1024


def throughput(sessions: int, seconds: float, bundle_path: Path | None) -> dict[str, Any]:
    """Figures of `sessions` streams decoded for `seconds`; a deadline is missed where a decision reaches its client
    later than one hop after its newest sample, or never.
    """
    path = bundle_path or DEMO_BUNDLE
    bundle = Bundle.load(path)
    manifest = bundle.manifest
    hop_s = manifest.hop_samples / bundle.preprocess.sfreq
    names = tuple(f"glimpse-bench-throughput-{k}" for k in range(sessions))
    rig = amplifiers.NoiseAmplifiers(
        names=names,
        ch_names=tuple(manifest.ch_names),
        sfreq=manifest.sfreq,
        labels=tuple(manifest.events),
        hop_samples=round(hop_s * manifest.sfreq),
    )
    with WorkerProcess(amplifiers.run, rig) as generator:
        generator.next_message()
        settings = Settings(bundle=path, stream=names[0], markers=f"{names[0]}-markers", port=0)
        with WorkerProcess(serve, settings) as server:
            url = server.next_message()
            opened = ["s1", *(open_session(url, name) for name in names[1:])]
            clients = TimedClients(url, opened, hop_s)
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
        sent = generator.finish()
    timings = [timing.between(began, ended) for timing in clients.timings.values()]
    spent_s = [late - early for early, late in zip(before, after, strict=True)]
    found = summary(timings)
    return {
        "sessions": sessions,
        "seconds": seconds,
        "decisions_per_s": round(found["decisions"] / (ended - began), 2),
        **found,
        "push_to_client_ms": percentiles(np.concatenate([timing.late_ms for timing in timings])),
        **stages(clients, began),
        "cpu_ms_per_decision": round(spent_s[0] * 1e3 / max(found["decisions"], 1), 3),
        "cpu_fraction": round(spent_s[0] / (ended - began), 3),
        "generator": {"cpu_fraction": round(spent_s[1] / (ended - began), 3), "late_ms": sent["late_ms"]},
        "clients": {"cpu_fraction": round(spent_s[2] / (ended - began), 3), "lost_messages": clients.lost},
        "channels": len(rig.ch_names),
        "sfreq": rig.sfreq,
        "hop_s": hop_s,
        "machine": machine(),
    }


def sessions_held(
    first: int, seconds: float, bundle_path: Path | None, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Figures of `first` sessions, then twice as many, until a deadline is missed."""
    tried = []
    sessions = first
    while sessions <= MOST_SESSIONS:
        tried.append(found := throughput(sessions, seconds, bundle_path))
        say(
            f"{sessions} sessions: {found['deadline_misses']} deadlines missed, {found['decisions_per_s']:g} decisions "
            f"a second, {found['cpu_fraction']:.2f} cores"
        )
        if found["deadline_misses"]:
            break
        sessions *= 2
    return tried
