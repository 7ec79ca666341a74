"""Whether the samples of a stream come at the rate of its header; until that is known, none of them is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from realtime.stream import Chunk, Marker

MEASURED_TOLERANCE = 0.02  # between the measured and the declared rate; headset packets jitter by 1 %
UNKNOWN_S = 4.0  # stamps that show no rate for this long are unusable


@dataclass
class RateCheck:
    """The measured rate of one connection."""

    name: str  # of the stream
    sfreq: float  # rate in the header, Hz
    rate: float | None = None  # as last measured, Hz
    _pending: list[Chunk] = field(default_factory=list)  # chunks whose rate is not known yet
    _markers: list[Marker] = field(default_factory=list)  # markers that came with them
    _unmeasurable: bool = False  # no rate for UNKNOWN_S

    def release(
        self, chunks: Sequence[Chunk], markers: Sequence[Marker], measured: float | None
    ) -> tuple[list[Chunk], list[Marker]]:
        """Pending and new chunks and markers that may be decoded; `measured` is the rate in Hz or None.

        After a gap the rate is unknown for a while; the last one holds. Samples of a wrong rate are dropped, markers
        never. Samples from before a clock step are dropped: their markers would be placed by the new clock.
        """
        self.rate = measured or self.rate
        if any(chunk.clock_step_s for chunk in chunks):
            self._pending = []
        pending, waiting = [*self._pending, *chunks], [*self._markers, *markers]
        self._pending, self._markers = [], []
        if self.rate is not None:
            self._unmeasurable = False
            return (pending if self._rate_matches(self.rate) else []), waiting
        if sum(len(chunk.samples) for chunk in pending) > UNKNOWN_S * self.sfreq:
            self._unmeasurable = True
        if self._unmeasurable or not pending:
            return [], waiting
        self._pending, self._markers = pending, waiting
        return [], []

    def problem(self) -> str | None:
        """Why samples are not decoded, in a sentence; None where they are, or where the rate is not known yet."""
        if self.rate is not None and not self._rate_matches(self.rate):
            return (
                f"Samples of {self.name!r} are stamped {self.rate:.4g} a second, its header says {self.sfreq:g}: check "
                "the amplifier's settings."
            )
        if self._unmeasurable:
            return (
                f"The stamps of {self.name!r} break off again and again, so that its rate cannot be measured: check "
                "amplifier, network and the program that stamps."
            )
        return None

    def _rate_matches(self, rate: float) -> bool:
        return abs(rate / self.sfreq - 1) <= MEASURED_TOLERANCE
