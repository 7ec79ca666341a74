"""What a reader thread hands to the engine: samples, markers and events of one stream."""

from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from realtime.stream import Chunk, Marker


@dataclass(frozen=True)
class Packet:
    """What the reader got: unbroken samples, markers, or both."""

    chunk: Chunk | None
    markers: list[Marker]
    order: np.ndarray  # the stream's column of each of the bundle's channels
    restarted: bool  # the stream was opened anew before this
    arrived: float = field(default_factory=monotonic)
