"""A day of stream through a live engine, faster than real time; each decision is compared with offline decoding.

The source is an array, without LSL or a network. It gives raw stamps and samples, so that numbering, gaps, clock,
markers, state and decisions are those of live decoding.
"""

import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.common.machine import machine, resident_mb
from benchmarks.common.random_bundle import write_random_bundle
from benchmarks.common.worker_process import START_S, WorkerProcess
from benchmarks.soak.schedule import SEGMENT_S, Pull, SimulatedDay
from benchmarks.soak.source import DaySource, PublishedDecisions
from realtime.bundle.bundle import Bundle
from realtime.decoding.decision import Decision
from realtime.decoding.decoder import Decoder
from realtime.live.engine import Engine
from realtime.live.messages import DecisionMessage
from realtime.sources.query import StreamQuery
from realtime.state import State

PATIENCE_S = 60.0  # without a decision, after which the engine has stopped
WARM_SHARE = 0.1  # of the day, before memory is compared
CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
SFREQ = 250.0
# Small, with 6 decisions a second: a day has half a million, each made twice. It has every kind of state.
NETWORK = {
    "n_channels": len(CH_NAMES), "sfreq": 125.0, "hop_samples": 20, "embedding_dim": 16, "dim": 16, "stem_features": 4,
    "n_layers": 1, "n_heads": 2, "attention_window": 25, "paths": ["evoked", "context"],
}  # fmt: skip


def soak(hours: float, bundle_path: Path | None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Figures of `hours` of stream; without a bundle, of a small one with random weights."""
    with tempfile.TemporaryDirectory() as folder:
        if bundle_path is None:
            bundle_path = Path(folder) / "small"
            # In another process: torch would be most of the memory that is measured here.
            with WorkerProcess(_write_small_bundle, bundle_path) as exporting:
                exporting.result(START_S)
        return run_soak(Decoder(Bundle.load(bundle_path)), hours, say)


def _write_small_bundle(folder: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    write_random_bundle(folder, NETWORK, SFREQ, CH_NAMES)


@dataclass
class SoakResult:
    """What has been measured so far of a day of `n_segments`."""

    n_segments: int
    n_done: int = 0
    decided: int = 0
    mismatched: int = 0
    max_error_ms: float = 0.0  # between a decision's time and the true time of its sample
    memory_mb: list[tuple[float, float]] = field(default_factory=list)  # (hours, MiB)
    errors_ms: list[tuple[float, float]] = field(default_factory=list)  # (hours, median error of a segment)

    @property
    def every(self) -> int:
        """Segments from one point of the curves to the next."""
        return max(1, self.n_segments // 100)

    @property
    def hours(self) -> float:
        """Length of the stream so far."""
        return self.n_done * SEGMENT_S / 3600

    def add(self, live: Sequence[DecisionMessage], expected: Sequence[Decision], error_ms: np.ndarray) -> None:
        """One segment: its live and offline decisions, and the errors of the live ones' times."""
        self.mismatched += differences(live, expected)
        self.decided += len(expected)
        self.max_error_ms = max(self.max_error_ms, float(np.abs(error_ms).max()))
        self.n_done += 1
        if self.n_done % self.every == 0 or self.n_done == self.n_segments:
            self.memory_mb.append((round(self.hours, 4), resident_mb()))
            self.errors_ms.append((round(self.hours, 4), round(float(np.median(error_ms)), 4)))

    def figures(self) -> dict[str, Any]:
        """Figures of the day as JSON has them."""
        warm = [mb for hours, mb in self.memory_mb if hours >= WARM_SHARE * self.hours]
        tenth = max(1, len(self.errors_ms) // 10)
        early, late = (
            float(np.median([error for _, error in errors]))
            for errors in (self.errors_ms[:tenth], self.errors_ms[-tenth:])
        )
        return {
            "stream_hours": round(self.hours, 4),
            "rss_growth_mb": round(warm[-1] - warm[0], 2),
            "stamp_drift_ms": round(late - early, 4),
            "mismatched_decisions": self.mismatched,
            "decisions": self.decided,
            "stamp_error_ms": round(self.max_error_ms, 3),
            "rss_mb": self.memory_mb,
            "stamp_off_ms": self.errors_ms,
        }


def run_soak(decoder: Decoder, hours: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of a decoder; see `soak`."""
    day, log = SimulatedDay(decoder.bundle.manifest), PublishedDecisions()
    pulls: deque[Pull] = deque()
    t0 = local_clock()
    engine = Engine(log.publish, lambda query: DaySource(decoder, pulls, log, t0))
    engine.open("s1", decoder, StreamQuery("day"))
    state, next_sample = decoder.start(), 0
    result = SoakResult(max(1, round(hours * 3600 / SEGMENT_S)))
    began, cpu_s = time.monotonic(), time.process_time()
    try:
        for segment in day.segments(hours):
            pulls.extend(segment)
            expected, state, next_sample = decode_offline(decoder, segment, state, next_sample)
            live = wait_for_decisions(log, expected)
            result.add(live, expected, np.array([(d.t_lsl - t0 - day.time_of(d.sample)) * 1e3 for d in live]))
            if result.n_done % (10 * result.every) == 0:
                speed = result.hours * 3600 / (time.monotonic() - began)
                say(
                    f"{result.hours:.2f} h of stream, {speed:.0f} times real time, {result.mismatched} decisions differ"
                )
    finally:
        engine.stop()
    spent_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_s
    return {
        **result.figures(),
        **day.events,
        "seconds": round(spent_s, 1),
        "cpu_s": round(cpu_s, 1),
        "times_real_time": round(result.hours * 3600 / spent_s, 1),
        "machine": machine(),
    }


def decode_offline(
    decoder: Decoder, segment: Sequence[Pull], state: State, next_sample: int
) -> tuple[list[Decision], State, int]:
    """Decisions of a segment's samples by `decoder.step`, unbroken runs in one call; the new state and next sample."""
    decisions: list[Decision] = []
    runs: list[list[Pull]] = []
    for pull in segment:
        if runs and pull.first == runs[-1][-1].end:
            runs[-1].append(pull)
        else:
            runs.append([pull])
    for run in runs:
        if lost := run[0].first - next_sample:
            state = decoder.skip(state, lost)
        onsets = [onset for pull in run for onset, _ in pull.markers]
        new, state = decoder.step(np.concatenate([pull.samples for pull in run]), state, onsets)
        decisions += new
        next_sample = run[-1].end
    return decisions, state, next_sample


def wait_for_decisions(log: PublishedDecisions, expected: Sequence[Decision]) -> list[DecisionMessage]:
    """The live decisions of a segment, once they have reached its last sample; RuntimeError when they stop."""
    while True:
        with log.changed:
            before = log.newest
            if log.changed.wait_for(lambda: log.newest >= expected[-1].sample, PATIENCE_S):
                live, log.decisions = log.decisions, []
                return live
            if log.newest == before:
                raise RuntimeError(
                    f"the engine stopped deciding at sample {before}, {expected[-1].sample} expected; last statuses: "
                    f"{' | '.join(log.states)}"
                )


def differences(live: Sequence[DecisionMessage], expected: Sequence[Decision]) -> int:
    """Number of decisions that differ in any bit or are missing on one side."""
    if len(live) == len(expected):
        return sum(not same(message, decision) for message, decision in zip(live, expected, strict=True))
    live_by_hop = {(m.hop, m.trial): m for m in live}
    expected_by_hop = {(d.number, d.trial): d for d in expected}
    return sum(
        key not in live_by_hop or key not in expected_by_hop or not same(live_by_hop[key], expected_by_hop[key])
        for key in {*live_by_hop, *expected_by_hop}
    )


def same(message: DecisionMessage, decision: Decision) -> bool:
    """Whether a live message and an offline decision are equal."""
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
