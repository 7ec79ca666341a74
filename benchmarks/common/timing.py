"""Decisions against the clock: how late, how regular, how many missed their deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Share of a hop by which stamps may jitter about the ends of the measured time before a decision is missing.
EDGE = 0.25
QUANTILES = (0, 1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 100)  # per cent


@dataclass
class DecisionTiming:
    """When the decisions of one stream arrived; times are LSL seconds.

    A decision is due one hop after its newest sample, when the samples of the next decision are complete. A decision
    that arrives later, or never, has missed its deadline.
    """

    hop_s: float
    hops: list[int] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)  # when the newest sample was taken
    received: list[float] = field(default_factory=list)
    span: tuple[float, float] | None = None  # in which decisions were due; None: from the first to the last

    def add(self, hop: int, taken: float, received: float) -> None:
        """Record one decision."""
        self.hops.append(hop)
        self.taken.append(taken)
        self.received.append(received)

    def between(self, began: float, ended: float) -> "DecisionTiming":
        """The decisions due from `began` to `ended`, whenever they arrived; those that never did are missing."""
        due = [i for i, taken in enumerate(self.taken) if began <= taken + self.hop_s <= ended]
        return DecisionTiming(
            self.hop_s,
            [self.hops[i] for i in due],
            [self.taken[i] for i in due],
            [self.received[i] for i in due],
            (began, ended),
        )

    @property
    def late_ms(self) -> np.ndarray:
        """Milliseconds from the newest sample to the decision."""
        late_ms: np.ndarray = (np.array(self.received) - np.array(self.taken)) * 1e3
        return late_ms

    @property
    def interval_ms(self) -> np.ndarray:
        """Milliseconds between one decision and the next."""
        return np.diff(self.received) * 1e3

    @property
    def skipped(self) -> int:
        """Hops without a decision, including those of the span before the first decision and after the last."""
        began, ended = self.span or (0.0, 0.0)
        if not self.hops:
            return int((ended - began) / self.hop_s)
        inside = max(self.hops) - min(self.hops) + 1 - len(set(self.hops))
        if self.span is None:
            return inside
        edges = min(self.taken) + self.hop_s - began, ended - (max(self.taken) + self.hop_s)
        return inside + sum(max(0, int(edge / self.hop_s - EDGE)) for edge in edges)

    @property
    def misses(self) -> int:
        """Deadlines missed: decisions later than a hop, and hops without one."""
        return int((self.late_ms > self.hop_s * 1e3).sum()) + self.skipped


def percentiles(ms: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """p50, p99 and the largest; None for no values."""
    if not len(ms):
        return None
    p50, p99 = np.percentile(ms, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(np.max(ms)), 3)}


def quantiles(ms: Sequence[float] | np.ndarray) -> list[list[float]]:
    """The distribution as pairs of per cent and milliseconds, for a plot."""
    return [[q, round(float(value), 3)] for q, value in zip(QUANTILES, np.percentile(ms, QUANTILES), strict=True)]


def jitter(interval_ms: np.ndarray) -> dict[str, float] | None:
    """Standard deviation and p99 less p50 of the time between two decisions; None for fewer than two intervals."""
    if len(interval_ms) < 2:
        return None
    p50, p99 = np.percentile(interval_ms, [50, 99])
    return {"sd": round(float(interval_ms.std()), 3), "p99_less_p50": round(float(p99 - p50), 3)}


def summarise_timings(timings: Sequence[DecisionTiming]) -> dict[str, Any]:
    """Count, misses and jitter over some streams."""
    return {
        "decisions": sum(len(timing.hops) for timing in timings),
        "deadline_misses": sum(timing.misses for timing in timings),
        "interval_ms": jitter(np.concatenate([timing.interval_ms for timing in timings])) if timings else None,
    }
