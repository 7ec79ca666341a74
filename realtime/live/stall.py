"""How long a stream may be silent: longer than the usual pause between its blocks."""

from collections import deque
from dataclasses import dataclass, field

MIN_LIMIT_S = 0.7  # reported within a second: a pull takes 0.1 s of it, and the machine may be busy
PAUSE_FACTOR = 1.5  # blocks of half a second and more arrive later than usual by some share of it


@dataclass
class StallDetector:
    """When samples arrived; times are `time.monotonic()`."""

    last_arrival: float  # of the newest samples, or when the stream was connected
    _pauses: deque[float] = field(default_factory=lambda: deque(maxlen=20))  # one block may arrive in many pieces

    @property
    def limit_s(self) -> float:
        """Seconds without a sample after which the stream is stale; a single long pause does not raise the limit."""
        longest = sorted(self._pauses)[-2:]
        return max(MIN_LIMIT_S, PAUSE_FACTOR * longest[0]) if longest else MIN_LIMIT_S

    def samples_arrived(self, now: float) -> None:
        """Note that samples arrived."""
        self._pauses.append(now - self.last_arrival)
        self.last_arrival = now

    def is_stalled(self, now: float) -> bool:
        """Whether the silence is longer than the limit."""
        silent_s = now - self.last_arrival
        return silent_s > MIN_LIMIT_S and silent_s > self.limit_s
