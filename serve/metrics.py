"""What Prometheus may ask: counters and histograms of one server, in a registry of its own."""

from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counted per session since the server started."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        by_session: Any = {"labelnames": ("session",), "registry": self.registry}
        self.decisions = Counter("glimpse_decisions", "Decisions published.", **by_session)
        self.trials = Counter("glimpse_trials", "Trials opened by a marker.", **by_session)
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
        # Looking a child up by its labels takes longer than counting with it.
        self._labelled: Any = lru_cache(maxsize=1024)(lambda metric, *labels: metric.labels(*labels))

    def forget(self, session: str) -> None:
        """Take the rows of a closed session away: a server that opens sessions for weeks would keep them all."""
        for metric in self._by_session:
            metric.remove_by_labels({"session": session})

    def observe(self, session: str, message: dict[str, Any], hop_s: float) -> None:
        """Count one message of the engine, whose decisions are due every `hop_s` seconds."""
        match message:
            case {"type": "decision", "latency_ms": latency_ms}:
                of = self._labelled
                of(self.decisions, session).inc()
                of(self.late, session).inc(latency_ms.get("age", 0.0) > hop_s * 1e3)
                if (offset_ms := message.get("clock_offset_ms")) is not None:
                    of(self.clock_offset, session).set(offset_ms / 1e3)
                of(self.bad_channels, session).set(len(message.get("quality", {}).get("bad_channels", ())))
                for stage, ms in latency_ms.items():
                    child = of(self.age, session) if stage == "age" else of(self.stages, session, stage)
                    child.observe(ms / 1e3)
            case {"type": "status", "state": state}:
                self.statuses.labels(session, state).inc()
                self.gaps.labels(session).inc(state == "gap")
            case {"type": "trial"}:
                self.trials.labels(session).inc()
