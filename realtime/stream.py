"""The types of every source of samples: a stream's description, its chunks and its markers.

Samples are (n_times, n_channels) in microvolts, float64. Time is LSL `local_clock()` in seconds, never wall time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class StreamInfo:
    """A stream as its header declares it."""

    name: str
    type: str
    source_id: str
    sfreq: float  # nominal rate, Hz
    ch_names: tuple[str, ...]  # labels in the stream's own order
    unit_to_uv: tuple[float, ...]  # factor per channel that turns a sample into microvolts
    warnings: tuple[str, ...] = ()  # assumptions about the header, a sentence each
    delay_s: float = 0.0  # of the device, by the header: a sample stamped t was taken at t - delay_s
    uid: str = ""  # differs whenever the sender starts anew


@dataclass(frozen=True)
class Chunk:
    """Consecutive samples of one unbroken segment of a stream."""

    samples: np.ndarray  # float64 (n_times, n_channels), microvolts
    index: int  # number of the first sample since the stream began, lost samples included
    t_first: float  # LSL seconds of the first sample
    sfreq: float  # Hz
    gap_samples: int = 0  # samples lost right before this chunk
    clock_step_s: float = 0.0  # jump of the stream's clock right before this chunk, if it was seen

    def time_of(self, index: int) -> float:
        """LSL seconds of sample number `index`, which may lie outside the chunk."""
        return self.t_first + (index - self.index) / self.sfreq

    def index_of(self, t_lsl: float) -> int:
        """Number of the sample taken nearest to `t_lsl`."""
        return self.index + round((t_lsl - self.t_first) * self.sfreq)

    def after(self, n: int) -> "Chunk":
        """The chunk without its first `n` samples."""
        return replace(self, samples=self.samples[n:], index=self.index + n, t_first=self.t_first + n / self.sfreq)


@dataclass(frozen=True)
class Marker:
    """One event of a marker stream."""

    label: str
    t_lsl: float  # LSL seconds; may lie before or after the samples received so far


class Source(Protocol):
    """A live stream that can be read."""

    info: StreamInfo

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Names of the marker streams being read now; others may appear later."""

    @property
    def clock_offset_s(self) -> float | None:
        """The stream's clock less this machine's, seconds, as last measured; None if unknown."""

    @property
    def other_matches(self) -> Mapping[str, str]:
        """Other visible streams that match the query: uid and description."""

    def pull(self, timeout_s: float, min_samples: int = 1) -> tuple[list[Chunk], list[Marker]]:
        """Wait up to `timeout_s` for `min_samples` samples, then return everything that has arrived."""

    def measured_rate(self) -> float | None:
        """Rate in Hz that the stamps show, None until it is known."""

    def close(self) -> None:
        """Close the stream."""
