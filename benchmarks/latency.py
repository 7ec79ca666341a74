"""Last sample pushed -> decision at a WebSocket client, through LSL, decoder and server on the loopback.

The simulated amplifier pushes sample by sample, each the moment it is due and stamped with that moment, from a process
of its own; the client reads the same clock. Beside it in the same run, as the floor: a bare pylsl inlet on that stream.
"""

import threading
from pathlib import Path
from typing import Any

from pylsl import StreamInlet, local_clock, resolve_byprop

from benchmarks.machine import machine
from realtime.bundle import Bundle
from realtime.simulator import Amplifier, simulated_amplifier
from serve.backend import realtime_backend
from serve.demo import DEMO_BUNDLE
from serve.main import serving
from serve.settings import Settings
from serve.watch import Score, percentiles, watch

WARM_UP_S = 5.0  # connections, caches and the clock's line settle; not counted


def latency(seconds: float, bundle_path: Path | None) -> dict[str, Any]:
    """Percentiles over `seconds` of decisions."""
    path = bundle_path or DEMO_BUNDLE
    bundle = Bundle.load(path)
    amplifier = Amplifier(
        name="glimpse-bench-latency",
        ch_names=tuple(bundle.manifest.ch_names),
        sfreq=bundle.manifest.sfreq,
        label_vectors=bundle.bank.vectors,
        labels=bundle.bank.names,
        chunk_s=1 / bundle.manifest.sfreq,
    )
    score, done = Score(), threading.Event()
    bare: list[tuple[float, float]] = []  # (received, milliseconds since pushed)
    with (
        simulated_amplifier(amplifier),
        serving(
            Settings(bundle=path, stream=amplifier.name, markers=f"{amplifier.name}-markers", port=0),
            realtime_backend(),
        ) as url,
    ):
        listener = threading.Thread(target=_listen, args=(amplifier.name, bare, done))
        listener.start()
        for _ in watch(url, "s1", score, WARM_UP_S + seconds):
            if score.first_decision and len(score.latency_ms) == 1:
                began = local_clock()
        done.set()
        listener.join()
    kept = round(WARM_UP_S / bundle.manifest.hop_samples * bundle.preprocess.sfreq)
    return {
        "push_to_client_ms": percentiles(list(score.latency_ms)[kept:]),
        "encode_ms": percentiles(list(score.stages_ms["encode"])[kept:]),
        "stages_ms": {stage: percentiles(list(ms)[kept:]) for stage, ms in score.stages_ms.items()},
        "peer": {
            "name": "bare pylsl inlet on the same stream, no decoding",
            "push_to_pull_ms": percentiles([ms for t, ms in bare if t > began + WARM_UP_S]),
        },
        "decisions": len(score.latency_ms) - kept,
        "gaps": score.gaps,
        "channels": len(amplifier.ch_names),
        "sfreq": amplifier.sfreq,
        "hop_s": bundle.manifest.hop_samples / bundle.preprocess.sfreq,
        "machine": machine(),
    }


def _listen(name: str, bare: list[tuple[float, float]], done: threading.Event) -> None:
    inlet = StreamInlet(resolve_byprop("name", name, timeout=10)[0])
    while not done.is_set():
        _, stamp = inlet.pull_sample(timeout=0.5)
        if stamp is not None:
            now = local_clock()
            bare.append((now, (now - stamp) * 1e3))
