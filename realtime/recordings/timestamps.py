"""Rate and holes of a recording, from time stamps that jitter."""

import numpy as np

from realtime.errors import BadInput

SNAP = 0.002  # a measured rate this close to a whole number is that number: crystals are more exact, stamps are not
NEAR = 0.01  # a nominal rate this close to the measured one is the better start if many samples were lost
AROUND = 256  # rows on each side of a late step that decide whether later rows stay late
BLOCK = 128  # rows over which the whole jitter shows: that of a Muse repeats every 96


def rate_and_gaps(
    stamps: np.ndarray, where: str, nominal_hz: float | None = None
) -> tuple[float, tuple[tuple[int, int], ...]]:
    """Rate in Hz and holes as (first row after the hole, samples lost), from one time stamp in seconds a row.

    The rate is the slope of the stamps with the holes taken out, never the median step: a Muse sends packets of 12
    whose stamps are up to 33 ms off, and its median step reads 250 Hz where 256 Hz is true. A step is a hole only if it
    stands out from that jitter and the samples after it stay late.
    """
    n_times = len(stamps)
    if n_times < 2 or not np.isfinite(stamps).all():
        raise BadInput(
            f"{where}: it holds {n_times} rows with {int(np.isfinite(stamps).sum())} usable time stamps; at least 2 "
            "rows, each with its time in seconds, are needed."
        )
    span = min(n_times - 1, 256)
    step_s = float(np.median(stamps[span:] - stamps[:-span])) / span  # not affected by a few holes, however long
    if not step_s > 0:
        raise BadInput(
            f"{where}: time stamps go from {stamps[0]} to {stamps[-1]}, but need to increase; sort the rows or "
            "correct the first column."
        )
    if nominal_hz and abs(step_s * nominal_hz - 1) < NEAR:
        step_s = 1 / nominal_hz
    rows, elapsed_s = np.arange(n_times), stamps - stamps[0]
    for _ in range(2):  # the second time with the step measured without the holes
        holes = _holes(stamps, step_s)
        lost_s = np.zeros(n_times)
        for row, seconds in holes:
            lost_s[row] = seconds
        step_s = float(np.polyfit(rows, elapsed_s - np.cumsum(lost_s), 1)[0])
    sfreq = 1 / step_s
    if round(sfreq) and abs(sfreq / round(sfreq) - 1) < SNAP:
        sfreq = float(round(sfreq))
    return sfreq, tuple((row, lost) for row, late_s in holes if (lost := round(late_s * sfreq)) > 0)


def rows_at(times: np.ndarray, stamps: np.ndarray, sfreq: float, gaps: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Row nearest to each of `times`, -1 outside the recording.

    Jitter is taken out of the stamps first. A time inside a hole gets the last row before it, so that a window cut
    there contains the hole and can be recognised.
    """
    step_s = 1 / sfreq
    clean = _dejittered(stamps, step_s, gaps)
    before = np.searchsorted(clean, times, side="right") - 1
    after = np.minimum(before + 1, len(clean) - 1)
    rows = np.where(np.abs(clean[after] - times) <= step_s / 2, after, before)
    return np.where((times < clean[0] - step_s / 2) | (times > clean[-1] + step_s / 2), -1, rows)


def _holes(stamps: np.ndarray, step_s: float) -> list[tuple[int, float]]:
    """(first row after, seconds lost) of every hole."""
    late_s = np.diff(stamps) - step_s
    lag_s = stamps - np.arange(len(stamps)) * step_s
    n_in_blocks = len(stamps) // BLOCK * BLOCK
    blocks_s = lag_s[:n_in_blocks].reshape(-1, BLOCK) if n_in_blocks else lag_s[None, :1]
    jitter_s = float(np.median(np.ptp(blocks_s, axis=1)))  # the median block has no hole in it
    limit_s = max(0.6 * step_s, 2 * jitter_s)
    holes = []
    rows = np.flatnonzero(late_s > 0.5 * limit_s) + 1
    for row in rows[np.argsort(-late_s[rows - 1], kind="stable")]:  # longest first, so that none is found twice
        late = late_s[row - 1]
        stays_s = np.median(lag_s[row : row + AROUND]) - np.median(lag_s[max(0, row - AROUND) : row])
        if stays_s > max(limit_s, 0.5 * late):
            lost_s = float(np.clip(stays_s, late - jitter_s, late + jitter_s))  # the next hole may be near
            holes.append((int(row), lost_s))
            lag_s[row:] -= lost_s
    return sorted(holes)


def _dejittered(stamps: np.ndarray, step_s: float, gaps: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Stamps on a straight line between holes."""
    clean = np.empty(len(stamps))
    edges = [0, *(row for row, _ in gaps), len(stamps)]
    for first, end in zip(edges[:-1], edges[1:], strict=True):
        rows, segment = np.arange(end - first), stamps[first:end]
        # Over ten seconds the stamps know the clock's true speed better than the rate's rounding does.
        slope = np.polyfit(rows, segment - segment[0], 1)[0] if (end - first) * step_s > 10 else step_s
        clean[first:end] = np.median(segment - rows * slope) + rows * slope
    return clean
