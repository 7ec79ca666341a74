"""A day of stream through a live engine as fast as it goes; every decision beside that of the same samples offline.

The source is an array: no LSL, nothing of the network. What it gives are raw stamps and samples, so that numbering,
gaps, clock line, markers, state and decisions are the live ones.
"""

import resource
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from benchmarks.apart import START_S, Apart
from benchmarks.day import STRETCH_S, Day, Piece
from benchmarks.machine import machine
from benchmarks.untrained import untrained
from realtime.bundle import Bundle
from realtime.decoder import Decision, Decoder
from realtime.errors import StreamLost
from realtime.live.engine import Engine
from realtime.sources.clock import ClockState, measured_rate, place
from realtime.sources.lsl import StreamQuery
from realtime.state import State
from realtime.stream import Chunk, Marker, StreamInfo

# Of stream that the source may give before the engine has decided on what came before; with 2 s its threads wait for
# each other a third of the time.
AHEAD_S = 8.0
PATIENCE_S = 60.0  # without a decision: the engine has stopped
WARM_SHARE = 0.1  # of the day, before memory counts
CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
SFREQ = 250.0
# Small, and 6 decisions a second: a day holds half a million, each made twice. All kinds of state are in it.
NETWORK = {
    "n_channels": len(CH_NAMES), "sfreq": 125.0, "hop_samples": 20, "embedding_dim": 16, "dim": 16, "stem_features": 4,
    "n_layers": 1, "n_heads": 2, "attention_window": 25, "paths": ["evoked", "context"],
}  # fmt: skip


class Log:
    """What the engine has published of the stretch at hand, and how far it is; for several threads."""

    def __init__(self) -> None:
        self.decisions: list[dict[str, Any]] = []
        self.states: deque[str] = deque(maxlen=20)
        self.newest = -1  # sample of the newest decision
        self.changed = threading.Condition()

    def publish(self, _: str, message: dict[str, Any]) -> None:
        """As the engine calls it."""
        if message["type"] == "decision":
            with self.changed:
                self.decisions.append(message)
                self.newest = message["sample"]
                self.changed.notify_all()
        elif message["type"] == "status":
            self.states.append(f"{message['state']}: {message['detail']}")


class DaySource:
    """Gives the pieces of a shared queue until one belongs to the stream that comes after; a `Source`."""

    marker_names: tuple[str, ...] = ("markers",)
    clock_offset_s: float | None = 0.0
    rivals: Mapping[str, str] = {}

    def __init__(self, decoder: Decoder, pieces: deque[Piece], log: Log, t0: float):
        manifest = decoder.bundle.manifest
        names = tuple(manifest.ch_names)
        self.info = StreamInfo("day", "EEG", "day-1", manifest.sfreq, names, (1.0,) * len(names))
        self._pieces, self._log, self._t0 = pieces, log, t0
        self._clock = ClockState()
        self._held = np.empty((0, len(names)))
        self._given: int | None = None  # number of the sample after the last one given
        self._run = 0  # first sample of the unbroken run

    def measured_rate(self) -> float | None:
        """As the stamps show it."""
        return measured_rate(self._clock, self.info.sfreq)

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """The next piece, as soon as the engine has nearly caught up with the one before."""
        if not self._pieces:
            time.sleep(0.001)
            return [], []
        given = self._given
        if given is not None:
            with self._log.changed:
                if not self._log.changed.wait_for(lambda: self._near(given), timeout_s):
                    return [], []
        if self._pieces[0].reopened and given is not None:
            raise StreamLost("the day's stream was cut")
        piece = self._pieces.popleft()
        if piece.first != given:
            self._run = piece.first
        self._given = piece.end
        samples = np.concatenate([self._held, piece.samples])
        segments, self._clock = place(piece.stamps + self._t0, self._clock, self.info.sfreq)
        chunks = []
        for segment in segments:
            rows, samples = np.split(samples, [len(segment.times)])
            chunks.append(Chunk(rows, segment.index, float(segment.times[0]), self.info.sfreq, segment.lost))
        self._held = samples
        period = float(np.mean(np.diff(piece.stamps))) if len(piece.stamps) > 20 else 1 / self.info.sfreq
        stamped = self._t0 + float(np.median(piece.stamps - period * np.arange(len(piece.stamps))))
        return chunks, [Marker(label, stamped + (at - piece.first) * period) for at, label in piece.markers]

    def close(self) -> None:
        """Nothing to let go of."""

    def _near(self, given: int) -> bool:
        return given - max(self._log.newest, self._run) <= AHEAD_S * self.info.sfreq


def soak(hours: float, bundle_path: Path | None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Figures of `hours` of stream; without a bundle, by a small untrained one."""
    with tempfile.TemporaryDirectory() as folder:
        if bundle_path is None:
            bundle_path = Path(folder) / "small"
            with Apart(_export, bundle_path) as exporting:  # torch would be most of the memory that is watched here
                exporting.result(START_S)
        return soaked(Decoder(Bundle.load(bundle_path)), hours, say)


def _export(folder: Path, say: Callable[[Any], None], stop: threading.Event) -> None:
    untrained(folder, NETWORK, SFREQ, CH_NAMES)


def soaked(decoder: Decoder, hours: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Figures of a decoder; see `soak`."""
    day, log = Day(decoder.bundle.manifest), Log()
    pieces: deque[Piece] = deque()
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
            off_ms = np.array([(d["t_lsl"] - t0 - day.time_of(d["sample"])) * 1e3 for d in live])
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
    decoder: Decoder, stretch: Sequence[Piece], state: State, next_sample: int
) -> tuple[list[Decision], State, int]:
    """Decisions of a stretch's samples through `decoder.step`, unbroken runs at once; state and next sample then."""
    decisions: list[Decision] = []
    runs: list[list[Piece]] = []
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


def fetch(log: Log, wanted: Sequence[Decision]) -> list[dict[str, Any]]:
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


def differences(live: Sequence[Mapping[str, Any]], wanted: Sequence[Decision]) -> int:
    """Decisions that are not the same in every bit, or that one side lacks."""
    if len(live) == len(wanted):
        return sum(not same(message, decision) for message, decision in zip(live, wanted, strict=True))
    ours = {(m["hop"], m["trial"]): m for m in live}
    theirs = {(d.number, d.trial): d for d in wanted}
    return sum(key not in ours or key not in theirs or not same(ours[key], theirs[key]) for key in {*ours, *theirs})


def same(message: Mapping[str, Any], decision: Decision) -> bool:
    """Whether the message says what the decision says."""
    return (
        (message["hop"], message["sample"], message["trial"]) == (decision.number, decision.sample, decision.trial)
        and message["since_onset_s"] == decision.since_onset_s
        and [(c["label"], c["p"], c["similarity"]) for c in message["top"]]
        == [(c.label, c.p, c.similarity) for c in decision.top]
        and message["decided"] == decision.decided
        and (message["quality"]["gap"], message["quality"]["artifact"]) == (decision.gap, decision.artifact)
        and tuple(message["quality"]["bad_channels"]) == decision.bad_channels
        and np.array_equal(message["p"], decision.p)
        and np.array_equal(message["embedding"], decision.embedding)
    )


def resident_mb() -> float:
    """Memory this process holds now; where the system does not tell, the most it ever held."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return round(int(pages.read_text().split()[1]) * resource.getpagesize() / 2**20, 2)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 2)
