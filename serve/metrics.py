"""Prometheus metrics: counters, gauges and histograms of one server, in a registry of its own."""

from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from realtime.live.messages import DecisionMessage, EventMessage, StatusMessage, TrialMessage

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Metrics by session since the server started."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        by_session: Any = {"labelnames": ("session",), "registry": self.registry}
        self.decisions = Counter("glimpse_decisions", "Decisions published.", **by_session)
        self.trials = Counter("glimpse_trials", "Trials begun by a marker.", **by_session)
        self.gaps = Counter("glimpse_gaps", "Gaps in the stream.", **by_session)
        self.dropped = Counter("glimpse_dropped", "Messages lost to a client that was too slow.", **by_session)
        self.clients = Gauge("glimpse_clients", "Open event sockets.", **by_session)
        self.sessions = Gauge("glimpse_sessions", "Open sessions.", registry=self.registry)
        self.clock_offset = Gauge(
            "glimpse_clock_offset_seconds", "The stream's clock less this machine's.", **by_session
        )
        self.bad_channels = Gauge("glimpse_bad_channels", "Channels flagged in the newest decision.", **by_session)
        self.late = Counter("glimpse_late", "Decisions published later than one hop after their sample.", **by_session)
        self.statuses = Counter(
            "glimpse_status", "Status messages.", labelnames=("session", "state"), registry=self.registry
        )
        self.outputs_dropped = Counter(
            "glimpse_output_dropped",
            "Messages that an output did not send.",
            labelnames=("session", "output"),
            registry=self.registry,
        )
        self.age = Histogram(
            "glimpse_age_seconds", "Newest sample taken to decision published.", buckets=SECONDS, **by_session
        )
        self.stages = Histogram(
            "glimpse_stage_seconds",
            "Time spent on one decision, by stage.",
            labelnames=("session", "stage"),
            buckets=(0.0001, 0.0002, 0.0005, *SECONDS),
            registry=self.registry,
        )

        self._by_session = (
            *(self.decisions, self.trials, self.gaps, self.dropped, self.clients, self.clock_offset, self.bad_channels),
            *(self.late, self.statuses, self.outputs_dropped, self.age, self.stages),
        )
        # Finding a row by its labels takes longer than counting in it.
        self._cached_row: Any = lru_cache(maxsize=1024)(lambda metric, *labels: metric.labels(*labels))

    def remove(self, session: str) -> None:
        """Remove the rows of a session that has ended: a server that runs for weeks would store them all."""
        for metric in self._by_session:
            metric.remove_by_labels({"session": session})

    def observe(self, message: EventMessage, hop_s: float) -> None:
        """Count one message of a session whose decisions are due every `hop_s` seconds."""
        session = message.session
        match message:
            case DecisionMessage():
                self._observe_decision(message, hop_s)
            case StatusMessage(state=state):
                self.statuses.labels(session, state).inc()
                self.gaps.labels(session).inc(state == "gap")
            case TrialMessage():
                self.trials.labels(session).inc()

    def _observe_decision(self, decision: DecisionMessage, hop_s: float) -> None:
        row, session = self._cached_row, decision.session
        row(self.decisions, session).inc()
        row(self.late, session).inc(decision.latency_ms.get("age", 0.0) > hop_s * 1e3)
        if decision.clock_offset_ms is not None:
            row(self.clock_offset, session).set(decision.clock_offset_ms / 1e3)
        row(self.bad_channels, session).set(len(decision.quality.bad_channels))
        for stage, ms in decision.latency_ms.items():
            histogram = row(self.age, session) if stage == "age" else row(self.stages, session, stage)
            histogram.observe(ms / 1e3)
