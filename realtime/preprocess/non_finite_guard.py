"""Replaces samples that are not finite."""

import numpy as np

from realtime.state import State


class NonFiniteGuard:
    """Repeats the last good value through NaN and Inf: one NaN would stay in a recursive filter for ever.

    A channel without a good value yet is 0, and its first good value becomes 0 from then on: the sudden offset of an
    electrode would ring in every channel behind an average reference.

    State: last float64[C]  last finite sample; count int64[C]  samples replaced since the start; offset float64[C]
    added to the channel, NaN before its first good value.
    """

    def start(self, first: np.ndarray) -> State:
        """State before the first sample, whose value is `first` (n_channels,)."""
        good = np.isfinite(first)
        return {
            "last": np.where(good, first, 0.0),
            "count": np.zeros(len(first), np.int64),
            "offset": np.where(good, 0.0, np.nan),
        }

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Replace the samples that are not finite."""
        good, offset = np.isfinite(x), state["offset"]
        if offset.any():  # NaN is true
            started = np.isnan(offset) & good.any(axis=0)
            firsts = x[good.argmax(axis=0), np.arange(x.shape[1])]
            offset = np.where(started, -firsts, offset)
            x = x + np.where(np.isnan(offset), 0.0, offset)
        if good.all():
            return x, {"last": x[-1].copy(), "count": state["count"], "offset": offset}
        values = np.vstack([state["last"], x])
        rows = np.vstack([np.zeros(x.shape[1], int), np.where(good, np.arange(1, len(x) + 1)[:, None], 0)])
        repaired = np.take_along_axis(values, np.maximum.accumulate(rows), axis=0)[1:]
        count = state["count"] + (~good).sum(axis=0)
        return repaired, {"last": repaired[-1].copy(), "count": count, "offset": offset}
