"""The line through the stamps of a stream, and what the stamps show about its rate.

Inside a segment a recursive least-squares line with forgetting predicts each stamp, so that the slow drift of a
device's clock is followed and the jitter of its packets is not.
"""

import math
from typing import NamedTuple

MEMORY_S = 30.0  # the line forgets older stamps with this time constant
FIRST_JITTER_S = 0.008  # assumed before any is measured: packets late by 30 ms are no gap even in the first second
RATE_PRIOR = 0.01  # a device's true rate is expected within this fraction of the nominal one
RATE_S = 2.0  # the line's period gives the stream's rate after this long
EARLY_S = 0.5  # the nominal rate may be accepted after this long, if stamps are steady enough to contradict it
EARLY_ERROR = 0.2  # steady enough: the rate that they show is wrong by no more than this fraction


class Line(NamedTuple):
    """The line at the latest placed sample."""

    time: float = 0.0  # smoothed time of that sample, seconds
    period: float = 0.0  # seconds per sample
    p_time: float = 0.0  # covariance of (time, period), in squared nominal periods
    p_cross: float = 0.0
    p_period: float = 0.0


class Deviations(NamedTuple):
    """Sums over a segment of each stamp's deviation from the nominal pace since the segment's start, seconds."""

    total: float = 0.0
    times_n: float = 0.0  # of deviation x number of the sample in the segment
    squared: float = 0.0

    def confirm_nominal(self, n: int, sfreq: float) -> bool:
        """Whether a line fitted to `n` stamps has the nominal slope, and its error is small enough to say so.

        Stamps within +-r of a true line over T seconds give a slope wrong by 3 r / T at most. r is taken as twice their
        standard deviation, more than that of stamps spread evenly or in steps, as of packets.
        """
        if n < max(3.0, EARLY_S * sfreq):
            return False
        mean = self.total / n
        spread = n * (n * n - 1) / 12  # sum of squares of the centred sample numbers
        slope = (self.times_n - mean * n * (n - 1) / 2) / spread
        variance = max(self.squared / n - mean**2 - slope**2 * spread / n, 0.0)
        error = 6 * math.sqrt(variance) * sfreq / n
        return error <= EARLY_ERROR and abs(slope) * sfreq <= RATE_PRIOR + error
