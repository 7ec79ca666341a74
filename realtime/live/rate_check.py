"""Whether a stream's samples come at the rate of its header: until that is known, nothing of them is decoded."""

from dataclasses import dataclass, field

from realtime.stream import Chunk, Marker

MEASURED_TOLERANCE = 0.02  # between the rate the stamps show and the one declared; headset packets jitter by 1 %
UNKNOWN_S = 4.0  # stamps that show no rate for this long are no good


@dataclass
class RateCheck:
    """What one connection has shown of a stream's rate."""

    name: str  # of the stream
    sfreq: float  # that its header declares, Hz
    rate: float | None = None  # as last measured, Hz
    _held: list[Chunk] = field(default_factory=list)  # their rate is not known yet
    _markers: list[Marker] = field(default_factory=list)  # that came with these
    _broken: bool = False  # no rate for UNKNOWN_S

    def passed(
        self, chunks: list[Chunk], markers: list[Marker], measured: float | None
    ) -> tuple[list[Chunk], list[Marker]]:
        """What may be decoded of what has been read, or held so far, now that the rate is `measured`, in Hz or None.

        After a gap it is not measured for a while: what was found holds. Samples that do not fit are gone, markers
        never. Samples of before a clock that was set are dropped: their markers would be placed by the new one.
        """
        self.rate = measured or self.rate
        if any(chunk.clock_step_s for chunk in chunks):
            self._held = []
        held, marks = self._held + chunks, self._markers + markers
        self._held, self._markers = [], []
        if self.rate is not None:
            self._broken = False
            return (held if self._fits(self.rate) else []), marks
        if sum(len(chunk.samples) for chunk in held) > UNKNOWN_S * self.sfreq:
            self._broken = True
        if self._broken or not held:
            return [], marks
        self._held, self._markers = held, marks
        return [], []

    def sentence(self) -> str | None:
        """Why samples are not decoded; None where they are, or that is not known yet."""
        if self.rate is not None and not self._fits(self.rate):
            return (
                f"Samples of {self.name!r} are stamped {self.rate:.4g} a second, its header says {self.sfreq:g}: check "
                "the amplifier's settings."
            )
        if self._broken:
            return (
                f"The stamps of {self.name!r} break off again and again, so that its rate cannot be told: check "
                "amplifier, network and who stamps."
            )
        return None

    def _fits(self, rate: float) -> bool:
        return abs(rate / self.sfreq - 1) <= MEASURED_TOLERANCE
