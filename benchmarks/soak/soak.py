"""A day of stream through a live engine as fast as it goes; every decision beside that of the same samples offline.

The source is an array: no LSL, nothing of the network. What it gives are raw stamps and samples, so that numbering,
gaps, clock line, markers, state and decisions are the live ones.
"""

import resource
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.common.machine import machine
from benchmarks.common.random_bundle import write_random_bundle
from benchmarks.common.worker_process import START_S, WorkerProcess
from benchmarks.soak.schedule import STRETCH_S, Pull, SimulatedDay
from benchmarks.soak.source import DaySource, Log
from realtime.bundle.bundle import Bundle
from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.live.engine import Engine
from realtime.live.messages import DecisionMessage
from realtime.sources.query import StreamQuery
from realtime.state import State

PATIENCE_S = 60.0  # without a decision: the engine has stopped
WARM_SHARE = 0.1  # of the day, before memory counts
CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
SFREQ = 250.0
# Small, and 6 decisions a second: a day holds half a million, each made twice. All kinds of state are in it.
NETWORK = {
    "n_channels": len(CH_NAMES), "sfreq": 125.0, "hop_samples": 20, "embedding_dim": 16, "dim": 16, "stem_features": 4,
    "n_layers": 1, "n_heads": 2, "attention_window": 25, "paths": ["evoked", "context"],
}  # fmt: skip


def soak(hours: float, bundle_path: Path | None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Figures of `hours` of stream; without a bundle, by a small untrained one."""
    with tempfile.TemporaryDirectory() as folder:
        if bundle_path is None:
            bundle_path = Path(folder) / "small"
            with WorkerProcess(
                _export, bundle_path
            ) as exporting:  # torch would be most of the memory that is watched here
                exporting.result(START_S)
        return run_soak(Decoder(Bundle.load(bundle_path)), hours, say)


def _export(folder: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    write_random_bundle(folder, NETWORK, SFREQ, CH_NAMES)


def run_soak(decoder: Decoder, hours: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of a decoder; see `soak`."""
    day, log = SimulatedDay(decoder.bundle.manifest), Log()
    pieces: deque[Pull] = deque()
    t0 = local_clock()
    engine = Engine(log.publish, lambda query: DaySource(decoder, pieces, log, t0))
    engine.open("s1", decoder, StreamQuery("day"))
    state, decided, mismatched, n_done = decoder.start(), 0, 0, 0
    n_stretches = max(1, round(hours * 3600 / STRETCH_S))
    every = max(1, n_stretches // 100)
    memory_mb: list[tuple[float, float]] = []  # (hours, MB)
    offs_ms: list[tuple[float, float]] = []  # (hours, median milliseconds between a decision's time and the truth)
    worst_ms = 0.0
    began, cpu_s, next_sample = time.monotonic(), time.process_time(), 0
    try:
        for stretch in day.stretches(hours):
            pieces.extend(stretch)
            wanted, state, next_sample = offline(decoder, stretch, state, next_sample)
            live = fetch(log, wanted)
            mismatched += differences(live, wanted)
            decided += len(wanted)
            off_ms = np.array([(d.t_lsl - t0 - day.time_of(d.sample)) * 1e3 for d in live])
            worst_ms = max(worst_ms, float(np.abs(off_ms).max()))
            n_done += 1
            if n_done % every == 0 or n_done == n_stretches:
                at_h = n_done * STRETCH_S / 3600
                memory_mb.append((round(at_h, 4), resident_mb()))
                offs_ms.append((round(at_h, 4), round(float(np.median(off_ms)), 4)))
            if n_done % (10 * every) == 0:
                speed = n_done * STRETCH_S / (time.monotonic() - began)
                say(
                    f"{n_done * STRETCH_S / 3600:.2f} h of stream, {speed:.0f} times real time, {mismatched} mismatched"
                )
    finally:
        engine.stop()
    spent_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_s
    warm = [mb for at_h, mb in memory_mb if at_h >= WARM_SHARE * n_done * STRETCH_S / 3600]
    tenth = max(1, len(offs_ms) // 10)
    early, late = (float(np.median([off for _, off in part])) for part in (offs_ms[:tenth], offs_ms[-tenth:]))
    return {
        "stream_hours": round(n_done * STRETCH_S / 3600, 4),
        "rss_growth_mb": round(warm[-1] - warm[0], 2),
        "stamp_drift_ms": round(late - early, 4),
        "mismatched_decisions": mismatched,
        "decisions": decided,
        "stamp_error_ms": round(worst_ms, 3),
        **day.told,
        "seconds": round(spent_s, 1),
        "cpu_s": round(cpu_s, 1),
        "times_real_time": round(n_done * STRETCH_S / spent_s, 1),
        "rss_mb": memory_mb,
        "stamp_off_ms": offs_ms,
        "machine": machine(),
    }


def offline(
    decoder: Decoder, stretch: Sequence[Pull], state: State, next_sample: int
) -> tuple[list[Decision], State, int]:
    """Decisions of a stretch's samples through `decoder.step`, unbroken runs at once; state and next sample then."""
    decisions: list[Decision] = []
    runs: list[list[Pull]] = []
    for piece in stretch:
        if runs and piece.first == runs[-1][-1].end:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    for run in runs:
        if lost := run[0].first - next_sample:
            state = decoder.skip(state, lost)
        onsets = [onset for piece in run for onset, _ in piece.markers]
        found, state = decoder.step(np.concatenate([piece.samples for piece in run]), state, onsets)
        decisions += found
        next_sample = run[-1].end
    return decisions, state, next_sample


def fetch(log: Log, wanted: Sequence[Decision]) -> list[DecisionMessage]:
    """The live decisions of a stretch, once they have reached its last sample; RuntimeError when they stop."""
    while True:
        with log.changed:
            before = log.newest
            if log.changed.wait_for(lambda: log.newest >= wanted[-1].sample, PATIENCE_S):
                live, log.decisions = log.decisions, []
                return live
            if log.newest == before:
                raise RuntimeError(
                    f"the engine stopped deciding at sample {before}, {wanted[-1].sample} wanted; it told: "
                    f"{' | '.join(log.states)}"
                )


def differences(live: Sequence[DecisionMessage], wanted: Sequence[Decision]) -> int:
    """Decisions that are not the same in every bit, or that one side lacks."""
    if len(live) == len(wanted):
        return sum(not same(message, decision) for message, decision in zip(live, wanted, strict=True))
    ours = {(m.hop, m.trial): m for m in live}
    theirs = {(d.number, d.trial): d for d in wanted}
    return sum(key not in ours or key not in theirs or not same(ours[key], theirs[key]) for key in {*ours, *theirs})


def same(message: DecisionMessage, decision: Decision) -> bool:
    """Whether the message says what the decision says."""
    return (
        (message.hop, message.sample, message.trial) == (decision.number, decision.sample, decision.trial)
        and message.since_onset_s == decision.since_onset_s
        and message.top == decision.top
        and message.decided == decision.decided
        and (message.quality.gap, message.quality.artifact) == (decision.gap, decision.artifact)
        and message.quality.bad_channels == decision.bad_channels
        and np.array_equal(np.asarray(message.p), decision.p)
        and np.array_equal(np.asarray(message.embedding), decision.embedding)
    )


def resident_mb() -> float:
    """Memory this process holds now; where the system does not tell, the most it ever held."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return round(int(pages.read_text().split()[1]) * resource.getpagesize() / 2**20, 2)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 2)
