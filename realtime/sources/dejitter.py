"""Sample numbers and times from the stamps of a stream: lost samples counted, jitter smoothed, causally.

A stream is cut into segments; see `realtime.sources.stamp_line` for the line inside one. Samples whose stamps leave the
line wait until the cause is clear: a late packet comes back to the line, lost samples never do. This wait is the only
delay, at most CONFIRM_S after a true gap. Every decision is made sample by sample, so the chunks in which stamps arrive
cannot matter.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from realtime.sources.stamp_line import FIRST_JITTER_S, MEMORY_S, RATE_PRIOR, RATE_S, Deviations, Line

JITTER_S = 2.0  # time constant of the running mean absolute deviation from the line
CONFIRM_S = 0.1  # samples off the line for this long, at a plausible pace, are a new segment
PATIENCE_S = 2.0  # samples off the line for this long are a new segment whatever their pace
# How early a sample may arrive before the time the line predicts. Packets of 8 samples that are up to 20 ms late and
# stamped on arrival came up to 14 ms before the line's own time, and none before this (measured on simulated stamps).
BEFORE_S, BEFORE_JITTERS = 0.001, 4.0


class ClockState(NamedTuple):
    """State of a stream's clock; `ClockState()` is before its first sample."""

    number: int = 0  # of the next sample, lost samples included
    n_segment: int = 0  # samples placed in the running segment; 0: none yet
    stamp: float = 0.0  # raw stamp of the latest placed sample, seconds
    line: Line = Line()
    jitter: float = 0.0  # running mean |stamp - line|, seconds
    pending: tuple[float, ...] = ()  # stamps whose samples are not placed yet
    segment_start: float = 0.0  # stamp of the segment's first sample
    deviations: Deviations = Deviations()  # of the running segment
    rate_confirmed: bool = False  # a segment has lasted RATE_S, so the first stamps no longer decide about the rate


@dataclass
class ClockSegment:
    """Placed samples without a break inside."""

    index: int  # number of the first sample
    times: list[float]  # smoothed LSL seconds, one for each sample
    lost: int  # samples lost right before it; 0: it continues the segment before
    back_s: float = 0.0  # below 0: its stamps go back by so many seconds


class _Start(NamedTuple):
    """Where a segment starts."""

    position: int  # among the times placed in this call
    number: int
    lost: int = 0
    back_s: float = 0.0


def place_samples(stamps: np.ndarray, state: ClockState, sfreq: float) -> tuple[list[ClockSegment], ClockState]:
    """Number and time the samples of a stream, in order.

    `stamps` are LSL seconds, one per sample, after clock synchronisation; `sfreq` is the nominal rate in Hz. The
    segments place the oldest samples not placed yet, pending ones first; `len(state.pending)` samples stay behind.
    Stamps that go back (a clock reset) start a new segment with `lost` = 1: how many were lost cannot be known.
    """
    todo = deque(np.asarray(stamps, dtype=np.float64).tolist())
    times: list[float] = []  # of the placed samples
    starts = [_Start(0, state.number)]
    while todo:
        if state.n_segment == 0:
            state = _start(state, todo.popleft(), sfreq)
            times.append(state.line.time)
        if not state.pending:
            state = _follow(todo, times, state, sfreq)
            if not todo:
                break
        state = state._replace(pending=(*state.pending, todo.popleft()))
        lateness = _lateness(state)
        tolerance = _tolerance(state.jitter, sfreq)
        if abs(lateness[-1]) <= tolerance:
            state = _follow(deque(state.pending), times, state._replace(pending=()), sfreq, check_jumps=False)
        elif _is_new_segment(state, sfreq):
            step = float(np.median(lateness[np.abs(lateness - lateness[0]) <= tolerance]))
            lost = max(1, round(step * sfreq))
            starts.append(_Start(len(times), state.number + lost, lost, min(step, 0.0)))
            first, *rest = state.pending
            todo.extendleft(reversed(rest))  # another break may lie among them
            state = _start(state._replace(number=state.number + lost, pending=()), first, sfreq)
            times.append(state.line.time)
    return _segments(times, starts), state


def earliest(n_samples: int, state: ClockState) -> float:
    """LSL seconds before which the next `n_samples` samples cannot all be there; of a stream that has started.

    Where stamps jitter, as those of packets stamped when they arrive, the line runs ahead of the arrivals.
    """
    due = state.line.time + (len(state.pending) + n_samples) * state.line.period
    return due - BEFORE_JITTERS * state.jitter - BEFORE_S


def measured_rate(state: ClockState, sfreq: float) -> float | None:
    """Rate in Hz that the stamps show: the line's, once the running segment is RATE_S long.

    Before the first such segment it is `sfreq` if EARLY_S of stamps would have contradicted another rate and do not.
    Else None: unknown.
    """
    if state.n_segment >= RATE_S * sfreq or state.line.time - state.segment_start >= RATE_S:
        return 1 / state.line.period
    nominal = not state.rate_confirmed and state.deviations.confirm_nominal(state.n_segment, sfreq)
    return sfreq if nominal else None


def _start(state: ClockState, stamp: float, sfreq: float) -> ClockState:
    """State after the first sample of a segment, which keeps the jitter measured so far, but not the line."""
    return ClockState(
        number=state.number + 1,
        n_segment=1,
        stamp=stamp,
        line=Line(stamp, 1 / sfreq, p_time=1.0, p_period=RATE_PRIOR**2),
        jitter=state.jitter if state.n_segment else FIRST_JITTER_S,
        segment_start=stamp,
        rate_confirmed=state.rate_confirmed,
    )


def _follow(
    todo: deque[float], times: list[float], state: ClockState, sfreq: float, check_jumps: bool = True
) -> ClockState:
    """Move the next samples of the running segment from `todo` to `times`, up to one whose stamp jumped off the line.

    A steady slide off the line is a wrong rate, which the line follows. Without `check_jumps` it follows every stamp.
    The noise of a stamp is taken as one nominal period.
    """
    # Every sample of every session passes here: one state object for each took two to three times as long.
    time, period, p_time, p_cross, p_period = state.line
    total, times_n, squared = state.deviations
    n, stamp, jitter, confirmed = state.n_segment, state.stamp, state.jitter, state.rate_confirmed
    segment_start, rate_n = state.segment_start, RATE_S * sfreq
    memory, forget = 1 - 1 / (MEMORY_S * sfreq), min(1.0, 1 / (JITTER_S * sfreq))
    while todo:
        before, stamp = stamp, todo.popleft()
        tolerance = _tolerance(jitter, sfreq)
        if check_jumps and abs(error := stamp - time - period) > tolerance:
            jump = stamp - before - period
            if abs(jump) > 0.5 / sfreq and (jump > 0) == (error > 0):
                todo.appendleft(stamp)
                stamp = before
                break
        predicted = time + period
        error = stamp - predicted
        bounded = min(max(error, -tolerance), tolerance)  # one wild stamp must not bend the line
        p_time = (p_time + 2 * p_cross + p_period) / memory
        p_cross = (p_cross + p_period) / memory
        gain, gain_period = p_time / (p_time + 1), p_cross / (p_time + 1)
        p_period = p_period / memory - gain_period * p_cross
        p_time, p_cross = (1 - gain) * p_time, (1 - gain) * p_cross
        time = max(predicted + gain * bounded, time)  # time does not run back, however much the stamps jitter
        period += gain_period * bounded
        jitter += forget * (abs(error) - jitter)
        deviation = stamp - segment_start - n / sfreq
        total, times_n, squared = total + deviation, times_n + deviation * n, squared + deviation * deviation
        n += 1
        confirmed = confirmed or n >= rate_n or predicted - segment_start >= RATE_S
        times.append(time)
    return state._replace(
        number=state.number + n - state.n_segment,
        n_segment=n,
        stamp=stamp,
        line=Line(time, period, p_time, p_cross, p_period),
        jitter=jitter,
        deviations=Deviations(total, times_n, squared),
        rate_confirmed=confirmed,
    )


def _tolerance(jitter: float, sfreq: float) -> float:
    """Seconds by which a stamp may leave the line without being suspicious."""
    return max(1.5 / sfreq, 5 * jitter)


def _lateness(state: ClockState) -> np.ndarray:
    """Seconds by which each pending stamp is later than the line."""
    numbers = np.arange(1, len(state.pending) + 1)
    late: np.ndarray = np.array(state.pending) - state.line.time - state.line.period * numbers
    return late


def _is_new_segment(state: ClockState, sfreq: float) -> bool:
    """Whether the pending samples can only be a new segment: a delayed burst arrives faster than it was sampled."""
    confirm_n = max(3, round(CONFIRM_S * sfreq))
    patience_n = max(confirm_n, round(PATIENCE_S * sfreq))
    if len(state.pending) >= patience_n:
        return True
    recent = state.pending[-confirm_n:]
    return len(recent) == confirm_n and recent[-1] - recent[0] >= 0.5 * (confirm_n - 1) / sfreq


def _segments(times: list[float], starts: list[_Start]) -> list[ClockSegment]:
    """Placed samples cut where segments start."""
    ends = [start.position for start in starts[1:]] + [len(times)]
    return [
        ClockSegment(start.number, times[start.position : end], start.lost, start.back_s)
        for start, end in zip(starts, ends, strict=True)
        if end > start.position
    ]
