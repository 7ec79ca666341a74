"""One session of a whole MEG helmet: 306 channels at 1 kHz into a decoding process, every sample accounted for."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.common.amplifiers import NoiseAmplifiers, run_amplifiers
from benchmarks.common.machine import machine
from benchmarks.common.random_bundle import write_random_bundle
from benchmarks.common.timing import DecisionTiming, percentiles, summarise_timings
from benchmarks.common.worker_process import START_S, WorkerProcess
from benchmarks.live.counter_source import CounterSource
from benchmarks.live.latency import WARM_UP_S
from realtime.bundle.bundle import Bundle, positions_to_json
from realtime.decoding.decoder import Decoder
from realtime.live.engine import Engine
from realtime.live.messages import DecisionMessage, Message, StatusMessage
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery

STREAM = "glimpse-bench-ingest"
HELMET_M = 0.11  # radius
NETWORK = {"sfreq": 125.0, "hop_samples": 5, "embedding_dim": 64, "dim": 64, "n_layers": 1}  # that of the demo bundle
CHUNK_S = 0.01  # a MEG system sends blocks


def ingest(channels: int, sfreq: float, seconds: float, bundle_path: Path | None = None) -> dict[str, Any]:
    """Processor share and lost samples of one session of `channels` at `sfreq` Hz, decoded for `seconds`.

    Without a bundle, a gat_transformer with random weights and the sizes of the demo's decodes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = bundle_path or helmet_bundle(Path(folder) / "helmet", channels, sfreq).path
        manifest = Bundle.load(path).manifest
        rig = NoiseAmplifiers(
            names=(STREAM,),
            ch_names=tuple(manifest.ch_names),
            sfreq=manifest.sfreq,
            labels=tuple(manifest.events),
            counted=True,
            chunk_samples=max(1, round(CHUNK_S * manifest.sfreq)),
        )
        with WorkerProcess(run_amplifiers, rig) as generator:
            generator.next_message()
            with WorkerProcess(decode_stream, path, seconds) as decoding:
                figures = decoding.result(START_S + WARM_UP_S + seconds + 60.0)
            sent = generator.finish()
    return {
        "channels": len(manifest.ch_names),
        "sfreq": manifest.sfreq,
        **figures,
        "generator": {"late_ms": sent["late_ms"]},
        "seconds": seconds,
        "machine": machine(),
    }


def helmet_bundle(folder: Path, channels: int, sfreq: float) -> Bundle:
    """A bundle with random weights for a helmet of `channels` sensors."""
    positions_m = helmet(channels)
    network = NETWORK | {"n_channels": channels, "positions": positions_to_json(positions_m)}
    return write_random_bundle(folder, network, sfreq, tuple(f"M{i:03d}" for i in range(channels)), positions_m)


def helmet(channels: int) -> np.ndarray:
    """Positions (channels, 3) in metres, evenly over the upper half of a sphere."""
    k = np.arange(channels) + 0.5
    height, angle = k / channels, np.pi * (1 + np.sqrt(5)) * k  # Fibonacci lattice
    ring = np.sqrt(1 - height**2)
    return HELMET_M * np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)


def decode_stream(path: Path, seconds: float, say: Callable[[Any], None], stop: threading.Event) -> dict[str, Any]:
    """One engine with one session and nothing else, for a WorkerProcess."""
    decoder = Decoder(Bundle.load(path))
    timing = DecisionTiming(decoder.frontend.hop_s)
    stages: dict[str, list[float]] = {}
    gaps, sources, first = 0, list[CounterSource](), threading.Event()

    def publish(_: str, message: Message) -> None:
        nonlocal gaps
        if isinstance(message, DecisionMessage):
            timing.add(message.hop, message.t_lsl, local_clock())
            for stage, ms in message.latency_ms.items():
                stages.setdefault(stage, []).append(ms)
            first.set()
        elif isinstance(message, StatusMessage):
            gaps += message.state == "gap"

    def connect(query: StreamQuery) -> CounterSource:
        sources.append(CounterSource(LslSource(query)))
        return sources[-1]

    engine = Engine(publish, connect)
    engine.open("s1", decoder, StreamQuery(STREAM, f"{STREAM}-markers"))
    try:
        if not first.wait(START_S):
            raise TimeoutError(f"no decision within {START_S:g} s")
        stop.wait(WARM_UP_S)
        began, cpu_s, skip = local_clock(), time.process_time(), len(timing.hops)
        stop.wait(seconds)
        ended, cpu_s = local_clock(), time.process_time() - cpu_s
    finally:
        engine.stop()
    timing = timing.between(began, ended)
    return {
        "cpu_fraction": round(cpu_s / (ended - began), 3),
        "lost_samples": sum(source.lost for source in sources),
        "misnumbered_samples": sum(source.misnumbered for source in sources),
        "samples": sum(source.received for source in sources),
        "gaps": gaps,
        "push_to_decision_ms": percentiles(timing.late_ms),
        "stages_ms": {stage: percentiles(ms[skip:]) for stage, ms in stages.items()},
        **summarise_timings([timing]),
    }
