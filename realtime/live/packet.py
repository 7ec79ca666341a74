"""What passes between the reader's thread and the engine's thread; every object is immutable."""

from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from realtime.stream import Chunk, Marker


@dataclass(frozen=True)
class Packet:
    """Unbroken samples, markers, or both, from the reader to the engine."""

    chunk: Chunk | None
    markers: tuple[Marker, ...]
    order: np.ndarray  # the stream's column of each of the bundle's channels; read-only
    reconnected: bool = False  # the stream was connected again just before this packet
    clock_offset_s: float | None = None  # the stream's clock minus this machine's, as measured with these samples
    arrived: float = field(default_factory=monotonic)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return 0 if self.chunk is None else len(self.chunk.samples)


@dataclass(frozen=True)
class Progress:
    """How far the engine is, from the engine to the reader, which waits for the samples of the next hop."""

    n_taken: int = 0  # samples of all packets that the engine has taken from the backlog
    n_in: int = 0  # samples of the decoder's present segment
