"""How long a stream may be silent: longer than its samples usually take to come."""

from collections import deque
from dataclasses import dataclass, field

SILENT_S = 0.7  # told within a second: a tenth is the pull's, and the machine may be busy
USUAL = 1.5  # times the usual pause: blocks of half a second and more come late by some of it


@dataclass
class StallDetector:
    """When samples came; times are `time.monotonic()`."""

    heard: float  # when the last ones came, or the stream was opened
    _pauses: deque[float] = field(default_factory=lambda: deque(maxlen=20))  # a block may be read in many pieces

    @property
    def most_s(self) -> float:
        """Seconds without a sample after which the stream is stale; one long pause among others changes nothing."""
        usual = sorted(self._pauses)[-2:]
        return max(SILENT_S, USUAL * usual[0]) if usual else SILENT_S

    def came(self, now: float) -> None:
        """Samples came."""
        self._pauses.append(now - self.heard)
        self.heard = now

    def over(self, now: float) -> bool:
        """Whether it lasts too long."""
        silent_s = now - self.heard
        return silent_s > SILENT_S and silent_s > self.most_s
