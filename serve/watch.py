"""A client that listens to one session and keeps score: what `glimpse demo` and `glimpse bench` report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np
from pylsl import local_clock
from websockets.sync.client import connect


@dataclass
class Score:
    """What was heard so far."""

    n_labels: int = 0
    decisions: int = 0
    gaps: int = 0
    latency_ms: list[float] = field(default_factory=list)  # newest sample taken -> decision here, LSL clock
    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    shown: dict[int, str] = field(default_factory=dict)  # trial -> label
    answers: dict[int, list[str]] = field(default_factory=dict)  # trial -> labels of its latest decision, best first
    first_decision: float | None = None  # time.monotonic()

    def take(self, message: dict[str, Any]) -> None:
        """Count one message."""
        kind = message["type"]
        if kind == "hello":
            self.n_labels = len(message["labels"])
        elif kind == "trial" and message["label"]:
            self.shown[message["trial"]] = message["label"]
        elif kind == "status" and message["state"] == "gap":
            self.gaps += 1
        elif kind == "decision":
            self.latency_ms.append((local_clock() - message["t_lsl"]) * 1e3)
            self.decisions += 1
            self.first_decision = self.first_decision or monotonic()
            for stage, ms in message["latency_ms"].items():
                self.stages_ms.setdefault(stage, []).append(ms)
            if message["trial"] is not None:
                self.answers[message["trial"]] = [candidate["label"] for candidate in message["top"]]

    def finished(self) -> list[int]:
        """Trials that a later one has followed, so that their answer is final."""
        return sorted(self.shown.keys() & self.answers.keys())[:-1]

    def share(self, k: int) -> float | None:
        """Share of finished trials whose label is among the `k` best of their last decision."""
        trials = self.finished()
        return round(float(np.mean([self.shown[t] in self.answers[t][:k] for t in trials])), 4) if trials else None


def percentiles(ms: list[float]) -> dict[str, float] | None:
    """p50 and p99 in milliseconds, None of nothing."""
    return {f"p{q}": round(float(np.percentile(ms, q)), 3) for q in (50, 99)} if ms else None


def watch(url: str, session: str, score: Score, seconds: float, patience_s: float = 60.0) -> Iterator[dict[str, Any]]:
    """Every message until `seconds` after the first decision; TimeoutError without one in `patience_s`."""
    began = monotonic()
    with connect(
        f"{url.replace('http', 'ws', 1)}/v1/sessions/{session}/events?after=0", max_size=None, proxy=None
    ) as socket:
        while score.first_decision is None or monotonic() < score.first_decision + seconds:
            if score.first_decision is None and monotonic() > began + patience_s:
                raise TimeoutError(f"no decision within {patience_s:g} s")
            try:
                message = json.loads(socket.recv(timeout=0.5))
            except TimeoutError:
                continue
            score.take(message)
            yield message
