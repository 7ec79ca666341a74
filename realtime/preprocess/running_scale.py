"""A slow running scale per channel."""

import numpy as np

from realtime.state import State

# Microvolts added before the logarithm of the running scale: a flat channel must not be amplified into noise.
SCALE_FLOOR_UV = 0.05

# exp(-E log|z|) of a standard normal z: turns a mean of log|x| into a standard deviation.
LOG_ABS_TO_SD = float(np.exp((np.log(2) + np.euler_gamma) / 2))


class RunningScale:
    """Divides by a slow running scale per channel, robust to bursts because it averages log|x|, then clamps.

    State: log float64[1, C]  filter memory; n int64  samples seen.
    """

    def __init__(self, sfreq: float, scale_s: float, clamp: float):
        self.decay = float(np.exp(-1 / (sfreq * scale_s)))
        self.log_decay, self.clamp = float(np.log(self.decay)), clamp

    def start(self, first: np.ndarray) -> State:
        """State before any sample."""
        return {"log": np.zeros((1, len(first))), "n": np.array(0)}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Scale the chunk to running standard deviations."""
        mean = (1 - self.decay) * np.log(np.abs(x) + SCALE_FLOOR_UV)
        log = state["log"][0]
        for row in mean:
            row += log
            log = row * self.decay
        n_seen = int(state["n"])
        weight = -np.expm1(self.log_decay * np.arange(n_seen + 1, n_seen + len(x) + 1))[:, None]
        y = x / (np.exp(mean / weight) * LOG_ABS_TO_SD)
        y = np.minimum(np.maximum(y, -self.clamp), self.clamp)
        return y, {"log": log[None].copy(), "n": np.array(n_seen + len(x))}
