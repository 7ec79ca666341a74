"""Decisions against the clock: how late, how regular, how many missed their deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EDGE = 0.25  # of a hop, by which stamps may jitter about an end of the time measured without a decision counted missing
QUANTILES = (0, 1, 5, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.9, 100)  # per cent


@dataclass
class DecisionTiming:
    """When the decisions of one stream came; times are LSL seconds.

    A decision is due one hop after its newest sample: then the next is due. One that comes later, or never, has missed
    its deadline.
    """

    hop_s: float
    hops: list[int] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)  # when the newest sample was taken
    came: list[float] = field(default_factory=list)
    span: tuple[float, float] | None = None  # from when to when decisions were due; None: from the first to the last

    def take(self, hop: int, taken: float, came: float) -> None:
        """Note one decision."""
        self.hops.append(hop)
        self.taken.append(taken)
        self.came.append(came)

    def between(self, began: float, ended: float) -> "DecisionTiming":
        """The decisions due from `began` to `ended`, whenever they came; those that never came are missing there."""
        kept = [i for i, taken in enumerate(self.taken) if began <= taken + self.hop_s <= ended]
        hops, taken, came = [self.hops[i] for i in kept], [self.taken[i] for i in kept], [self.came[i] for i in kept]
        return DecisionTiming(self.hop_s, hops, taken, came, (began, ended))

    @property
    def late_ms(self) -> np.ndarray:
        """Milliseconds from the newest sample to the decision."""
        return (np.array(self.came) - np.array(self.taken)) * 1e3

    @property
    def interval_ms(self) -> np.ndarray:
        """Milliseconds between one decision and the next."""
        return np.diff(self.came) * 1e3

    @property
    def skipped(self) -> int:
        """Hops without a decision, those before the first and after the last that has one in the span included."""
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
    """p50, p99 and the largest, None of nothing."""
    if not len(ms):
        return None
    p50, p99 = np.percentile(ms, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(np.max(ms)), 3)}


def quantiles(ms: Sequence[float] | np.ndarray) -> list[list[float]]:
    """The distribution as pairs of per cent and milliseconds, for a plot."""
    return [[q, round(float(value), 3)] for q, value in zip(QUANTILES, np.percentile(ms, QUANTILES), strict=True)]


def jitter(interval_ms: np.ndarray) -> dict[str, float] | None:
    """How unevenly decisions come: standard deviation and p99 less p50 of the time between two, None of too few."""
    if len(interval_ms) < 2:
        return None
    p50, p99 = np.percentile(interval_ms, [50, 99])
    return {"sd": round(float(interval_ms.std()), 3), "p99_less_p50": round(float(p99 - p50), 3)}


def summary(timings: Sequence[DecisionTiming]) -> dict[str, Any]:
    """Count, misses and jitter over some streams."""
    return {
        "decisions": sum(len(timing.hops) for timing in timings),
        "deadline_misses": sum(timing.misses for timing in timings),
        "interval_ms": jitter(np.concatenate([timing.interval_ms for timing in timings])) if timings else None,
    }
