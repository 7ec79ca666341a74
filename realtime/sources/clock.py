"""Sample numbers and times from the stamps of a stream: lost samples counted, jitter smoothed, all of it causal.

A stream is cut into segments. Inside one, a recursive least-squares line with forgetting predicts each stamp, so the
slow drift of a device's clock is followed and the jitter of its packets is not. Samples whose stamps leave the line
are held until it is clear why: a late packet comes back to the line, lost samples never do. Held samples are the only
delay, at most CONFIRM_S after a true gap. Everything is decided sample by sample: how the stream is cut into chunks
cannot matter.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MEMORY_S = 30.0  # the line forgets older stamps with this time constant
JITTER_S = 2.0  # time constant of the running mean absolute deviation from the line
FIRST_JITTER_S = 0.008  # assumed before any is seen; packets late by 30 ms must be no gap even in the first second
CONFIRM_S = 0.1  # samples off the line for this long, at a plausible pace, are a new segment
PATIENCE_S = 2.0  # samples off the line for this long are a new segment whatever their pace
RATE_PRIOR = 0.01  # a device's true rate is expected within this fraction of the nominal one
RATE_S = 2.0  # the line's pace is the stream's rate after this long
EARLY_S = 0.5  # the nominal rate may be believed after this long, where stamps are steady enough to contradict it
EARLY_ERROR = 0.2  # steady enough: the rate they show is wrong by no more than this fraction


class ClockState(NamedTuple):
    """Where a stream's clock stands; `ClockState()` is before its first sample."""

    number: int = 0  # the next sample gets this one, lost samples counted
    n_segment: int = 0  # samples placed in the running segment; 0: none yet
    stamp: float = 0.0  # raw stamp of the latest placed sample, seconds
    line: float = 0.0  # smoothed time of that sample, seconds
    period: float = 0.0  # seconds per sample along the line
    p_line: float = 0.0  # covariance of (line, period), in squared nominal periods
    p_cross: float = 0.0
    p_period: float = 0.0
    jitter: float = 0.0  # running mean |stamp - line|, seconds
    held: tuple[float, ...] = ()  # stamps whose samples are not placed yet
    first: float = 0.0  # stamp of the segment's first sample
    sum_off: float = 0.0  # over the segment, of what each stamp is off the nominal pace from there, seconds
    sum_off_n: float = 0.0  # of the same times the sample's number in the segment
    sum_off_2: float = 0.0  # of its square
    judged: bool = False  # a segment has lasted RATE_S: what the first stamps allowed no longer counts


@dataclass(frozen=True)
class Segment:
    """Placed samples without a break inside."""

    index: int  # number of the first sample
    times: np.ndarray  # float64 (n_times,), smoothed LSL seconds
    lost: int  # samples lost right before it; 0: it goes on from the segment before
    back_s: float = 0.0  # below 0: its stamps go back by so many seconds


def place(stamps: np.ndarray, state: ClockState, sfreq: float) -> tuple[list[Segment], ClockState]:
    """Number and time the samples of a stream, in order.

    `stamps` are LSL seconds, one per sample, after clock synchronisation; `sfreq` is the nominal rate in Hz. The
    segments place the oldest samples not placed yet, held ones first; `len(state.held)` samples stay behind. Stamps
    that go back (a clock reset) start a new segment with `lost` = 1: how many were lost cannot be known.
    """
    placed: list[tuple[int, float]] = []
    breaks: list[tuple[int, int, float]] = []  # (position in placed, lost, seconds back)
    todo = deque(np.asarray(stamps, dtype=np.float64).tolist())
    while todo:
        stamp = todo.popleft()
        if state.n_segment == 0:
            state = _start(state, stamp, sfreq)
        elif not state.held and not _leaves(stamp, state, sfreq):
            state = _follow(stamp, state, sfreq)
        else:
            state = state._replace(held=(*state.held, stamp))
            lateness = _lateness(state)
            if abs(lateness[-1]) <= _tolerance(state, sfreq):
                run, state = state.held, state._replace(held=())
                for late in run:
                    state = _follow(late, state, sfreq)
                    placed.append((state.number - 1, state.line))
                continue
            if not _confirmed(state, sfreq):
                continue
            alike = np.abs(lateness - lateness[0]) <= _tolerance(state, sfreq)
            step = float(np.median(lateness[alike]))
            lost = max(1, round(step * sfreq))
            breaks.append((len(placed), lost, min(step, 0.0)))
            first, *rest = state.held
            todo.extendleft(reversed(rest))  # another break may lie among them
            state = _start(state._replace(number=state.number + lost, held=()), first, sfreq)
        placed.append((state.number - 1, state.line))
    return _segments(placed, breaks), state


def measured_rate(state: ClockState, sfreq: float) -> float | None:
    """Rate in Hz that the stamps show: the line's, once the running segment is RATE_S long.

    Before the first such segment it is `sfreq` where EARLY_S of stamps would have contradicted another rate and do
    not. Else None: not known.
    """
    if state.n_segment >= RATE_S * sfreq or state.line - state.first >= RATE_S:
        return 1 / state.period
    return sfreq if not state.judged and _nominal(state, sfreq) else None


def _nominal(state: ClockState, sfreq: float) -> bool:
    """Whether the line fitted to the segment's stamps has the nominal slope, and can be trusted not to have another.

    Stamps within +-r of a true line over T seconds give a slope wrong by 3 r / T at most; r is taken as twice their
    standard deviation, more than that of stamps spread evenly, or in steps as of packets.
    """
    n = state.n_segment
    if n < max(3.0, EARLY_S * sfreq):
        return False
    mean = state.sum_off / n
    spread = n * (n * n - 1) / 12  # sum of squares of the centred sample numbers
    slope = (state.sum_off_n - mean * n * (n - 1) / 2) / spread
    variance = max(state.sum_off_2 / n - mean**2 - slope**2 * spread / n, 0.0)
    error = 6 * math.sqrt(variance) * sfreq / n
    return error <= EARLY_ERROR and abs(slope) * sfreq <= RATE_PRIOR + error


def _start(state: ClockState, stamp: float, sfreq: float) -> ClockState:
    """First sample of a segment; the jitter known so far stays, the line does not."""
    return ClockState(
        number=state.number + 1,
        n_segment=1,
        stamp=stamp,
        line=stamp,
        period=1 / sfreq,
        p_line=1.0,
        p_period=RATE_PRIOR**2,
        jitter=state.jitter if state.n_segment else FIRST_JITTER_S,
        first=stamp,
        judged=state.judged,
    )


def _follow(stamp: float, state: ClockState, sfreq: float) -> ClockState:
    """Next sample of the running segment; the noise of a stamp is taken as one nominal period."""
    keep = 1 - 1 / (MEMORY_S * sfreq)
    p_line = (state.p_line + 2 * state.p_cross + state.p_period) / keep
    p_cross = (state.p_cross + state.p_period) / keep
    p_period = state.p_period / keep
    gain, gain_period = p_line / (p_line + 1), p_cross / (p_line + 1)
    predicted = state.line + state.period
    error = stamp - predicted
    tolerance = _tolerance(state, sfreq)
    bounded = min(max(error, -tolerance), tolerance)  # one wild stamp must not bend the line
    forget = 1 / (JITTER_S * sfreq)
    off = stamp - state.first - state.n_segment / sfreq
    return ClockState(
        number=state.number + 1,
        n_segment=state.n_segment + 1,
        stamp=stamp,
        line=max(predicted + gain * bounded, state.line),  # time does not run back, however much the stamps jitter
        period=state.period + gain_period * bounded,
        p_line=(1 - gain) * p_line,
        p_cross=(1 - gain) * p_cross,
        p_period=p_period - gain_period * p_cross,
        jitter=state.jitter + min(1.0, forget) * (abs(error) - state.jitter),
        first=state.first,
        sum_off=state.sum_off + off,
        sum_off_n=state.sum_off_n + off * state.n_segment,
        sum_off_2=state.sum_off_2 + off * off,
        judged=state.judged or state.n_segment + 1 >= RATE_S * sfreq or predicted - state.first >= RATE_S,
    )


def _tolerance(state: ClockState, sfreq: float) -> float:
    """Seconds a stamp may leave the line by without suspicion."""
    return max(1.5 / sfreq, 5 * state.jitter)


def _leaves(stamp: float, state: ClockState, sfreq: float) -> bool:
    """Whether the stamp jumped off the line; a steady slide off it is a wrong rate, which the line follows."""
    error = stamp - state.line - state.period
    jump = stamp - state.stamp - state.period
    return abs(error) > _tolerance(state, sfreq) and abs(jump) > 0.5 / sfreq and (jump > 0) == (error > 0)


def _lateness(state: ClockState) -> np.ndarray:
    """Seconds by which each held stamp is later than the line."""
    return np.array(state.held) - state.line - state.period * np.arange(1, len(state.held) + 1)


def _confirmed(state: ClockState, sfreq: float) -> bool:
    """Whether the held samples can only be a new segment: a delayed burst comes faster than its samples were taken."""
    confirm_n = max(3, round(CONFIRM_S * sfreq))
    patience_n = max(confirm_n, round(PATIENCE_S * sfreq))
    if len(state.held) >= patience_n:
        return True
    recent = state.held[-confirm_n:]
    return len(recent) == confirm_n and recent[-1] - recent[0] >= 0.5 * (confirm_n - 1) / sfreq


def _segments(placed: list[tuple[int, float]], breaks: list[tuple[int, int, float]]) -> list[Segment]:
    """Placed samples cut where segments start."""
    cuts = [(0, 0, 0.0), *breaks] if not breaks or breaks[0][0] > 0 else breaks
    ends = [position for position, *_ in cuts[1:]] + [len(placed)]
    segments = []
    for (begin, lost, back_s), end in zip(cuts, ends, strict=True):
        if end > begin:
            times = np.array([time for _, time in placed[begin:end]])
            segments.append(Segment(placed[begin][0], times, lost, back_s))
    return segments
