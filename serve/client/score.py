"""Figures of one session, computed by a client of it: what `glimpse demo` reports."""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import NamedTuple

import numpy as np
from pylsl import local_clock

from realtime.live.messages import DecisionMessage, EventMessage, HelloMessage, StatusMessage, TrialMessage

MAX_LATENCIES = 100_000  # newest decisions whose latency is stored: more than an hour of them


class ScoredTrial(NamedTuple):
    """A finished trial."""

    number: int
    shown: str
    answer: list[str]  # labels of its last decision, best first

    @property
    def rank(self) -> int | None:
        """Place of the shown label in the answer, 0 the best; None when it is not among them."""
        return self.answer.index(self.shown) if self.shown in self.answer else None


@dataclass
class Score:
    """Figures of the messages so far; a demo may run for weeks, so nothing here grows with time.

    Decisions of samples that were taken before the first decision arrived are start-up: these samples waited until
    the stream's rate was known. Their latency is reported separately.
    """

    n_labels: int = 0
    decisions: int = 0
    gaps: int = 0
    # Milliseconds from the newest sample to the arrival of the decision.
    latency_ms: deque[float] = field(default_factory=partial(deque, maxlen=MAX_LATENCIES))
    startup_ms: deque[float] = field(default_factory=partial(deque, maxlen=MAX_LATENCIES))
    stages_ms: dict[str, deque[float]] = field(default_factory=dict)  # after start-up
    first_decision: float | None = None  # time.monotonic() of its arrival
    ranks: Counter[int | None] = field(default_factory=Counter)  # of finished trials
    finished: deque[ScoredTrial] = field(default_factory=partial(deque, maxlen=64))  # the newest, for the caller to pop
    _startup_end: float = -np.inf  # LSL seconds of the first decision's arrival
    _shown: dict[int, str] = field(default_factory=dict)  # trial -> label, of running trials
    _answers: dict[int, list[str]] = field(default_factory=dict)

    def add(self, message: EventMessage) -> None:
        """Add one message."""
        match message:
            case HelloMessage():
                self.n_labels = len(message.labels)
            case TrialMessage(trial=trial, label=str(label)) if label:
                self._shown[trial] = label
            case StatusMessage(state="gap"):
                self.gaps += 1
            case DecisionMessage():
                self._add_latency(message, local_clock())
                self.decisions += 1
                if message.trial is not None:
                    if message.trial not in self._answers:
                        self._finish_before(message.trial)
                    self._answers[message.trial] = [candidate.label for candidate in message.top]

    def _add_latency(self, decision: DecisionMessage, now: float) -> None:
        if self.first_decision is None:
            self.first_decision, self._startup_end = monotonic(), now
        age_ms = (now - decision.t_lsl) * 1e3
        if decision.t_lsl <= self._startup_end:
            self.startup_ms.append(age_ms)
            return
        self.latency_ms.append(age_ms)
        for stage, ms in decision.latency_ms.items():
            self.stages_ms.setdefault(stage, deque(maxlen=MAX_LATENCIES)).append(ms)

    def _finish_before(self, trial: int) -> None:
        """Score the trials before this one: their answers are final."""
        for number in sorted(n for n in self._shown if n < trial):
            shown, answer = self._shown.pop(number), self._answers.pop(number, None)
            if answer:
                self.finished.append(scored := ScoredTrial(number, shown, answer))
                self.ranks[scored.rank] += 1
        self._answers = {}

    @property
    def trials(self) -> int:
        """Number of finished trials whose label and answer are known."""
        return self.ranks.total()

    def top_k_share(self, k: int) -> float | None:
        """Share of these whose label is among the `k` best of their last decision."""
        right = sum(n for rank, n in self.ranks.items() if rank is not None and rank < k)
        return round(right / self.trials, 4) if self.trials else None


def percentiles(ms: Collection[float]) -> dict[str, float] | None:
    """p50 and p99 in milliseconds, None where there is none."""
    return {f"p{q}": round(float(np.percentile(list(ms), q)), 3) for q in (50, 99)} if ms else None
