"""Blinks and bursts, marked as they happen: causal, explicit state, the same for any chunking.

A blink is a slow, large, positive deflection of the front of the head against the rest; a burst (muscle, movement) many
channels changing much faster than each of them usually does, at once. Both compare with running levels, renewed once
per block.
"""

import numpy as np
from scipy import signal

from realtime.preprocess import LOG_ABS_TO_SD
from realtime.state import State

BLINK_HZ = (0.5, 8.0)  # band of a blink
BLINK_UV, BLINK_OVER_LEVEL = 40.0, 3.0  # both must be passed; the level is a standard deviation
BURST_OVER_LEVEL, BURST_SHARE = 4.0, 0.25  # of the channels
BURST_S = 0.05  # memory of the fast measure of change
AFTER_S = 0.1  # marked this long after it is over
LEVEL_S, LEARN_S = 30.0, 2.0  # memory of the running levels; nothing is marked before they have seen this much
MIDDLE_M = np.array([0.0, -0.015, 0.007])  # centre of the template head's sphere
FRONT, REST = 0.8, 0.3  # cosine between straight ahead and a channel, seen from there: Fp and AF; behind FC
FLOOR_UV = 0.05  # a level of nothing has no logarithm


class Artifacts:
    """`marks, state = artifacts.step(x, state)`: bool (n_times,) for finite x (n_times, n_channels) in microvolts.

    `positions_m` (n_channels, 3), NaN where unknown, tells the front of the head; with no channel there, or none
    elsewhere, only bursts are found. State: n int64  samples of this segment; last float64[C]  newest sample; zi
    float64[2, 2], fast float64[1, C]  filters; level float64[C + 1]  mean logarithm of each channel's change, and of
    the front; seen int64  blocks behind it; since int64  samples since the last one past a threshold.
    """

    def __init__(self, positions_m: np.ndarray, sfreq: float, block: int):
        self.n_channels, self.block = len(positions_m), block
        away = positions_m - MIDDLE_M
        forward = away[:, 1] / np.linalg.norm(away, axis=1)
        front, rest = forward > FRONT, forward < REST
        seen = front.any() and rest.any() and sfreq > 4 * BLINK_HZ[1]
        self.front = front / front.sum() - rest / rest.sum() if seen else None
        self.sos = signal.butter(2, BLINK_HZ, "bandpass", fs=sfreq, output="sos") if seen else None
        self.settled = signal.sosfilt_zi(self.sos) if seen else np.zeros((2, 2))
        self.forget = float(np.exp(-1 / (BURST_S * sfreq)))
        self.after = round(AFTER_S * sfreq)
        self.learn, self.memory = LEARN_S * sfreq / block, LEVEL_S * sfreq / block

    def start(self) -> State:
        """State before any sample."""
        return {
            "n": np.array(0),
            "last": np.zeros(self.n_channels),
            "zi": np.zeros((2, 2)),
            "fast": np.zeros((1, self.n_channels)),
            "level": np.zeros(self.n_channels + 1),
            "seen": np.array(0),
            "since": np.array(self.after),
        }

    def resume(self, state: State) -> State:
        """State after lost samples: the running levels are kept."""
        return self.start() | {key: state[key] for key in ("level", "seen")}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Mark the chunk."""
        if not len(x):
            return np.zeros(0, bool), state
        n, level, seen = int(state["n"]), state["level"], int(state["seen"])
        change = np.abs(np.diff(x, axis=0, prepend=state["last"][None] if n else x[:1]))
        fast, fast_zi = signal.lfilter([1 - self.forget], [1, -self.forget], change, axis=0, zi=state["fast"])
        blink, zi = self._front(x, state["zi"], n == 0)
        past, begin = np.zeros(len(x), bool), 0
        while begin < len(x):
            end = min(begin + self.block - n % self.block, len(x))
            if seen >= self.learn:
                usual = np.exp(level)
                burst = (fast[begin:end] > BURST_OVER_LEVEL * usual[:-1]).mean(axis=1) >= BURST_SHARE
                past[begin:end] = burst | (blink[begin:end] > max(BLINK_UV, BLINK_OVER_LEVEL * usual[-1]))
            n += end - begin
            if n % self.block == 0:
                now = np.log(np.append(fast[end - 1], np.abs(blink[end - 1]) * LOG_ABS_TO_SD) + FLOOR_UV)
                seen += 1
                level = level + (now - level) / min(seen, self.memory)
            begin = end
        at = np.arange(len(x))
        newest = np.maximum.accumulate(np.where(past, at, -1 - int(state["since"])))
        return at - newest <= self.after, {
            "n": np.array(n),
            "last": x[-1].copy(),
            "zi": zi,
            "fast": fast_zi,
            "level": level,
            "seen": np.array(seen),
            "since": np.array(min(at[-1] - newest[-1], self.after)),
        }

    def _front(self, x: np.ndarray, zi: np.ndarray, first: bool) -> tuple[np.ndarray, np.ndarray]:
        """The front of the head against the rest, in the band of a blink (n_times,)."""
        if self.front is None:
            return np.zeros(len(x)), zi
        front = (x * self.front).sum(axis=1)
        return signal.sosfilt(self.sos, front, zi=self.settled * front[0] if first else zi)
