"""Times of samples that arrive counted and without stamps: a line through their times of arrival.

The count says how many samples there were, so late packets need no interpretation as in `realtime.sources.dejitter`.
Only the drift of the device's clock and the jitter of the transmission remain: a recursive least-squares line with
forgetting follows the first and not the second.
"""

from dataclasses import dataclass

from realtime.sources.stamp_line import EARLY_S, FIRST_JITTER_S, MEMORY_S, RATE_PRIOR, RATE_S

MAX_LATE_S = 3 * FIRST_JITTER_S  # one arrival bends the line as if it were no later than this
OFF_LINE_S = 0.1  # an arrival further off says nothing about time: it was stalled, or the device paused
PATIENCE_S = 1.0  # unless the next ones come back within this time


@dataclass(frozen=True)
class Arrivals:
    """State of the line; `Arrivals()` is before the first sample."""

    count: int = 0  # samples that have arrived
    n_first: int = 0  # of them, at the first look
    line: float = 0.0  # smoothed time of the newest, seconds
    period: float = 0.0  # seconds per sample
    p_line: float = 0.0  # covariance of (line, period), in squared nominal periods
    p_cross: float = 0.0
    p_period: float = 0.0
    away_since: float | None = None  # when arrivals left the line, None while they are on it
    broken: bool = False  # they left it for good: sample numbers no longer give the time of a sample

    def time_of(self, index: int) -> float:
        """Seconds at which sample number `index`, counted from 0, was taken."""
        return self.line + (index - self.count + 1) * self.period


def add_arrival(count: int, t: float, state: Arrivals, sfreq: float) -> Arrivals:
    """The line after `count` samples are there at time `t`, in seconds; `sfreq` is nominal, in Hz."""
    noise = (FIRST_JITTER_S * sfreq) ** 2
    if state.count == 0:
        return Arrivals(count, count, t, 1 / sfreq, p_line=noise, p_period=RATE_PRIOR**2)
    n = count - state.count
    memory = (1 - 1 / (MEMORY_S * sfreq)) ** n
    p_line = (state.p_line + 2 * n * state.p_cross + n**2 * state.p_period) / memory
    p_cross = (state.p_cross + n * state.p_period) / memory
    p_period = state.p_period / memory
    gain, gain_period = p_line / (p_line + noise), p_cross / (p_line + noise)
    predicted = state.line + n * state.period
    error = t - predicted
    away_since = None if abs(error) <= OFF_LINE_S else t if state.away_since is None else state.away_since
    bounded = min(max(error, -MAX_LATE_S), MAX_LATE_S) if away_since is None else 0.0
    return Arrivals(
        count=count,
        n_first=state.n_first,
        line=predicted + gain * bounded,
        period=state.period + gain_period * bounded,
        p_line=(1 - gain) * p_line,
        p_cross=(1 - gain) * p_cross,
        p_period=p_period - gain_period * p_cross,
        away_since=away_since,
        broken=away_since is not None and t - away_since > PATIENCE_S,
    )


def arrival_rate(state: Arrivals, sfreq: float) -> float | None:
    """Rate in Hz at which samples arrive, once they have for RATE_S.

    Before, `sfreq` once they have for EARLY_S and the line has not left it; else None: unknown.
    """
    n = state.count - state.n_first
    if n >= RATE_S * sfreq:
        return 1 / state.period
    # Measured: packets late by up to 30 ms move the line by 1.5 % at most until then, a rate wrong by a tenth by 2.7 %.
    steady = state.away_since is None and abs(state.period * sfreq - 1) <= 2 * RATE_PRIOR
    return sfreq if n >= EARLY_S * sfreq and steady else None
