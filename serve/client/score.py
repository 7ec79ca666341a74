"""A client that listens to one session and keeps score: what `glimpse demo` and `glimpse bench` report."""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from pylsl import local_clock

KEPT = 100_000  # newest decisions whose latency counts: more than an hour of them


class ScoredTrial(NamedTuple):
    """One whose answer is final."""

    number: int
    shown: str
    answer: list[str]  # labels of its latest decision, best first

    @property
    def rank(self) -> int | None:
        """Place of what was shown in the answer, 0 the best; None when it is not among them."""
        return self.answer.index(self.shown) if self.shown in self.answer else None


@dataclass
class Score:
    """What was heard so far; a demo may run for weeks, so nothing here grows with time."""

    n_labels: int = 0
    decisions: int = 0
    gaps: int = 0
    latency_ms: deque[float] = field(
        default_factory=partial(deque, maxlen=KEPT)
    )  # newest sample taken -> decision here
    stages_ms: dict[str, deque[float]] = field(default_factory=dict)
    first_decision: float | None = None  # time.monotonic()
    ranks: Counter[int | None] = field(default_factory=Counter)  # of the trials that are over
    over: deque[ScoredTrial] = field(
        default_factory=partial(deque, maxlen=64)
    )  # the newest of them, for who tells them
    _shown: dict[int, str] = field(default_factory=dict)  # trial -> label, of those not over
    _answers: dict[int, list[str]] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """Count one message."""
        kind = message["type"]
        if kind == "hello":
            self.n_labels = len(message["labels"])
        elif kind == "trial" and message["label"]:
            self._shown[message["trial"]] = message["label"]
        elif kind == "status" and message["state"] == "gap":
            self.gaps += 1
        elif kind == "decision":
            self.latency_ms.append((local_clock() - message["t_lsl"]) * 1e3)
            self.decisions += 1
            self.first_decision = self.first_decision or monotonic()
            for stage, ms in message["latency_ms"].items():
                self.stages_ms.setdefault(stage, deque(maxlen=KEPT)).append(ms)
            if (trial := message["trial"]) is not None:
                if trial not in self._answers:
                    self._end_before(trial)
                self._answers[trial] = [candidate["label"] for candidate in message["top"]]

    def _end_before(self, trial: int) -> None:
        """The answers of trials before this one are final."""
        for number in sorted(n for n in self._shown if n < trial):
            shown, answer = self._shown.pop(number), self._answers.pop(number, None)
            if answer:
                self.over.append(ended := ScoredTrial(number, shown, answer))
                self.ranks[ended.rank] += 1
        self._answers = {}

    @property
    def trials(self) -> int:
        """Trials that are over, whose label and answer are known."""
        return self.ranks.total()

    def share(self, k: int) -> float | None:
        """Share of these whose label is among the `k` best of their last decision."""
        right = sum(n for rank, n in self.ranks.items() if rank is not None and rank < k)
        return round(right / self.trials, 4) if self.trials else None


def percentiles(ms: Collection[float]) -> dict[str, float] | None:
    """p50 and p99 in milliseconds, None of nothing."""
    return {f"p{q}": round(float(np.percentile(list(ms), q)), 3) for q in (50, 99)} if ms else None
