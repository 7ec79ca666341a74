"""Marks blinks and bursts: causal, with explicit state, the same for any chunking.

A blink is a slow, large, positive deflection of the front of the head against the rest; in a burst
(muscle, movement) many channels change much faster than usual at once. Both are compared with running levels, renewed
once per block.
"""

import numpy as np
from scipy import signal

from realtime.preprocess.running_scale import LOG_ABS_TO_SD
from realtime.state import State

BLINK_HZ = (0.5, 8.0)  # band of a blink
BLINK_UV, BLINK_OVER_LEVEL = 40.0, 3.0  # both must be exceeded; the level is a standard deviation
BURST_OVER_LEVEL, BURST_SHARE = 4.0, 0.25  # of the channels
BURST_S = 0.05  # memory of the fast measure of change
HOLD_S = 0.1  # samples are marked for this long after an artifact
LEVEL_S, LEARN_S = 30.0, 2.0  # memory of the running levels; signal needed before anything is marked
HEAD_CENTRE_M = np.array([0.0, -0.015, 0.007])  # centre of the template head's sphere
FRONT, REST = 0.8, 0.3  # cosine between straight ahead and a channel, from there: Fp and AF; behind FC
MIN_LEVEL_UV = 0.05  # added to a level, since zero has no logarithm


def differences(x: np.ndarray, last: np.ndarray) -> np.ndarray:
    """From each sample of `x` (n_times, n_channels) to the next, the first from `last`."""
    y = np.empty_like(x)
    np.subtract(x[0], last, out=y[0])
    np.subtract(x[1:], x[:-1], out=y[1:])
    return y


class ArtifactDetector:
    """`marks, state = artifacts.step(x, state)`: bool (n_times,) for finite x (n_times, n_channels) in microvolts.

    `positions_m` (n_channels, 3), NaN where unknown, gives the front of the head; without channels there, or without
    others, only bursts are found. State: n int64  samples of this segment; last float64[C]  newest sample; zi
    float64[2, 2]  filter; fast float64[C]  changes of this block, each times its `growth`, and earlier ones, summed;
    level float64[C + 1]  mean logarithm of each channel's change, and of the front; seen int64  blocks in it; since
    int64  samples since the last one above a threshold.
    """

    def __init__(self, positions_m: np.ndarray, sfreq: float, block: int):
        self.n_channels, self.block = len(positions_m), block
        away = positions_m - HEAD_CENTRE_M
        forward = away[:, 1] / np.linalg.norm(away, axis=1)
        front, rest = forward > FRONT, forward < REST
        covered = front.any() and rest.any() and sfreq > 4 * BLINK_HZ[1]
        self.front = front / front.sum() - rest / rest.sum() if covered else None
        self.sos = signal.butter(2, BLINK_HZ, "bandpass", fs=sfreq, output="sos").tolist() if covered else []
        self.steady_state = signal.sosfilt_zi(self.sos) if covered else np.zeros((2, 2))
        # A recursive mean as one cumulative sum per block: later changes count more, instead of earlier ones less.
        forget = float(np.exp(-1 / (BURST_S * sfreq)))
        self.growth = forget ** -np.arange(block)[:, None]
        self.shrink, self.fade = (1 - forget) / self.growth, forget**block
        self.hold = round(HOLD_S * sfreq)
        self.learn, self.memory = LEARN_S * sfreq / block, LEVEL_S * sfreq / block

    def start(self) -> State:
        """State before any sample."""
        return {
            "n": np.array(0),
            "last": np.zeros(self.n_channels),
            "zi": np.zeros((2, 2)),
            "fast": np.zeros(self.n_channels),
            "level": np.zeros(self.n_channels + 1),
            "seen": np.array(0),
            "since": np.array(self.hold),
        }

    def resume(self, state: State) -> State:
        """State after lost samples: the running levels stay."""
        return self.start() | {key: state[key] for key in ("level", "seen")}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Mark the chunk."""
        if not len(x):
            return np.zeros(0, bool), state
        n, level, seen, fast = int(state["n"]), state["level"], int(state["seen"]), state["fast"]
        change = np.abs(differences(x, state["last"] if n else x[0]))
        blink, zi = self._front(x, state["zi"], n == 0)
        above, begin = np.zeros(len(x), bool), 0
        while begin < len(x):
            first = n % self.block
            end = min(begin + self.block - first, len(x))
            total = change[begin:end] * self.growth[first : first + end - begin]
            total[0] += fast
            np.add.accumulate(total, axis=0, out=total)
            fast = total[-1].copy()
            if seen >= self.learn:
                usual = np.exp(level)
                burst = total * self.shrink[first : first + end - begin] > BURST_OVER_LEVEL * usual[:-1]
                above[begin:end] = burst.sum(axis=1) >= BURST_SHARE * self.n_channels
                above[begin:end] |= blink[begin:end] > max(BLINK_UV, BLINK_OVER_LEVEL * usual[-1])
            n += end - begin
            if n % self.block == 0:
                now = np.append(fast * self.shrink[-1], abs(blink[end - 1]) * LOG_ABS_TO_SD)
                seen += 1
                level = level + (np.log(now + MIN_LEVEL_UV) - level) / min(seen, self.memory)
                fast = fast * self.fade
            begin = end
        here = np.arange(len(x))
        newest = np.maximum.accumulate(np.where(above, here, -1 - int(state["since"])))
        return here - newest <= self.hold, {
            "n": np.array(n),
            "last": x[-1].copy(),
            "zi": zi,
            "fast": fast,
            "level": level,
            "seen": np.array(seen),
            "since": np.array(min(here[-1] - newest[-1], self.hold)),
        }

    def _front(self, x: np.ndarray, zi: np.ndarray, first: bool) -> tuple[np.ndarray, np.ndarray]:
        """The front of the head against the rest, in the band of a blink (n_times,)."""
        if self.front is None:
            return np.zeros(len(x)), zi
        y, after = (x * self.front).sum(axis=1).tolist(), []
        before = (self.steady_state * y[0] if first else zi).tolist()
        # For one channel of a few samples, plain numbers need a fifth of the time of a call of scipy.
        for (b0, b1, b2, _, a1, a2), (z0, z1) in zip(self.sos, before, strict=True):
            for i, value in enumerate(y):
                y[i] = b0 * value + z0
                z0, z1 = b1 * value - a1 * y[i] + z1, b2 * value - a2 * y[i]
            after.append((z0, z1))
        return np.array(y), np.array(after)
