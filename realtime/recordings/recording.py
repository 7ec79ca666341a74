"""The one type for recordings of every format: microvolts, channel names, markers by sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Recording:
    """Samples of one file in order, and its markers."""

    samples: np.ndarray  # float32 (n_times, n_channels); EEG microvolts, magnetometers fT, gradiometers fT/cm
    sfreq: float  # Hz, as measured where the file has time stamps
    ch_names: tuple[str, ...]  # as the file spells them
    markers: tuple[tuple[int, str], ...]  # (row of `samples`, label), by row
    gaps: tuple[tuple[int, int], ...]  # (first row after the hole, samples lost there); lost samples are no rows
    name: str  # the path as it was given, for messages
    warnings: tuple[str, ...] = ()  # assumptions about the file, a sentence each
    # float64 (n_channels, 3) metres in the head frame, NaN where unknown: of MEG sensors and digitised electrodes.
    positions_m: np.ndarray | None = None  # None: the file has none

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the end of the last, holes included."""
        return (len(self.samples) + sum(lost for _, lost in self.gaps)) / self.sfreq


def pick_channels(pick: str | Sequence[str], ch_names: Sequence[str], where: str) -> np.ndarray:
    """Index of the channels that `pick` names; a word such as `eeg` picks all, since these channels have no types."""
    from realtime.sensors.montage import match_channels

    return np.arange(len(ch_names)) if isinstance(pick, str) else match_channels(pick, ch_names, where)
