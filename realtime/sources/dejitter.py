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
# Before a sample's time by the line. Packets of 8 samples that come up to 20 ms late and are stamped on arrival came up
# to 14 ms before the line's own time, and none before this (measured on made-up stamps).
BEFORE_S, BEFORE_JITTERS = 0.001, 4.0


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


@dataclass
class ClockSegment:
    """Placed samples without a break inside."""

    index: int  # number of the first sample
    times: list[float]  # smoothed LSL seconds, one for each sample
    lost: int  # samples lost right before it; 0: it goes on from the segment before
    back_s: float = 0.0  # below 0: its stamps go back by so many seconds


def place_samples(stamps: np.ndarray, state: ClockState, sfreq: float) -> tuple[list[ClockSegment], ClockState]:
    """Number and time the samples of a stream, in order.

    `stamps` are LSL seconds, one per sample, after clock synchronisation; `sfreq` is the nominal rate in Hz. The
    segments place the oldest samples not placed yet, held ones first; `len(state.held)` samples stay behind. Stamps
    that go back (a clock reset) start a new segment with `lost` = 1: how many were lost cannot be known.
    """
    todo = deque(np.asarray(stamps, dtype=np.float64).tolist())
    times: list[float] = []  # of the placed samples
    begins = [(0, state.number, 0, 0.0)]  # of segments: position in `times`, number, lost, seconds back
    while todo:
        if state.n_segment == 0:
            state = _start(state, todo.popleft(), sfreq)
            times.append(state.line)
        if not state.held:
            state = _follow(todo, times, state, sfreq)
            if not todo:
                break
        state = state._replace(held=(*state.held, todo.popleft()))
        lateness = _lateness(state)
        tolerance = _tolerance(state.jitter, sfreq)
        if abs(lateness[-1]) <= tolerance:
            state = _follow(deque(state.held), times, state._replace(held=()), sfreq, doubted=False)
        elif _confirmed(state, sfreq):
            step = float(np.median(lateness[np.abs(lateness - lateness[0]) <= tolerance]))
            lost = max(1, round(step * sfreq))
            begins.append((len(times), state.number + lost, lost, min(step, 0.0)))
            first, *rest = state.held
            todo.extendleft(reversed(rest))  # another break may lie among them
            state = _start(state._replace(number=state.number + lost, held=()), first, sfreq)
            times.append(state.line)
    return _segments(times, begins), state


def earliest(wanted: int, state: ClockState) -> float:
    """LSL seconds before which so many more samples will not have come; of a stream that has begun.

    Where stamps jitter, as those of packets stamped when they arrive, the line runs ahead of what comes.
    """
    return state.line + (len(state.held) + wanted) * state.period - BEFORE_JITTERS * state.jitter - BEFORE_S


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


def _follow(
    todo: deque[float], times: list[float], state: ClockState, sfreq: float, doubted: bool = True
) -> ClockState:
    """Move the next samples of the running segment from `todo` to `times`, up to one whose stamp jumped off the line.

    A steady slide off the line is a wrong rate, which it follows; so are all stamps that are not `doubted`. The noise
    of a stamp is taken as one nominal period.
    """
    # Every sample of every session comes by here: a state made for each took two to three times as long.
    number, n, stamp, line, period, p_line, p_cross, p_period, jitter, held, first, off, off_n, off_2, judged = state
    keep = 1 - 1 / (MEMORY_S * sfreq)
    forget = min(1.0, 1 / (JITTER_S * sfreq))
    n_before = n
    while todo:
        before, stamp = stamp, todo.popleft()
        tolerance = _tolerance(jitter, sfreq)
        if doubted and abs(error := stamp - line - period) > tolerance:
            jump = stamp - before - period
            if abs(jump) > 0.5 / sfreq and (jump > 0) == (error > 0):
                todo.appendleft(stamp)
                stamp = before
                break
        predicted = line + period
        error = stamp - predicted
        bounded = min(max(error, -tolerance), tolerance)  # one wild stamp must not bend the line
        p_line = (p_line + 2 * p_cross + p_period) / keep
        p_cross = (p_cross + p_period) / keep
        gain, gain_period = p_line / (p_line + 1), p_cross / (p_line + 1)
        p_period = p_period / keep - gain_period * p_cross
        p_line, p_cross = (1 - gain) * p_line, (1 - gain) * p_cross
        line = max(predicted + gain * bounded, line)  # time does not run back, however much the stamps jitter
        period += gain_period * bounded
        jitter += forget * (abs(error) - jitter)
        late = stamp - first - n / sfreq
        off, off_n, off_2 = off + late, off_n + late * n, off_2 + late * late
        n += 1
        judged = judged or n >= RATE_S * sfreq or predicted - first >= RATE_S
        times.append(line)
    return ClockState(
        number + n - n_before,
        n,
        stamp,
        line,
        period,
        p_line,
        p_cross,
        p_period,
        jitter,
        held,
        first,
        off,
        off_n,
        off_2,
        judged,
    )


def _tolerance(jitter: float, sfreq: float) -> float:
    """Seconds a stamp may leave the line by without suspicion."""
    return max(1.5 / sfreq, 5 * jitter)


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


def _segments(times: list[float], begins: list[tuple[int, int, int, float]]) -> list[ClockSegment]:
    """Placed samples cut where segments begin."""
    ends = [position for position, *_ in begins[1:]] + [len(times)]
    return [
        ClockSegment(index, times[begin:end], lost, back_s)
        for (begin, index, lost, back_s), end in zip(begins, ends, strict=True)
        if end > begin
    ]
