"""Causal resampling by a rational factor with carried state."""

from fractions import Fraction
from typing import TypeVar

import numpy as np
from scipy import signal

from realtime.state import State

Numbers = TypeVar("Numbers", int, np.ndarray)

# Half-width of the anti-aliasing filter in samples of the slower rate; minimum phase, so its delay is about one sample.
RESAMPLE_HALF_WIDTH = 8


class Resample:
    """Rational polyphase resampling with a minimum-phase filter.

    Output m uses input samples up to floor(m * down / up). State: past float64[n_taps - 1, C]  last inputs; n_in, n_out
    int64  samples received and returned.
    """

    def __init__(self, sfreq_in: float, sfreq_out: float):
        ratio = Fraction(sfreq_out / sfreq_in).limit_denominator(2000)
        self.up, self.down = ratio.numerator, ratio.denominator
        if ratio == 1:
            self.kernels = np.ones((1, 1))
            return
        slow = max(self.up, self.down)
        # minimum_phase(half=True) would halve the attenuation in dB, hence half=False on a longer prototype.
        prototype = signal.firwin(2 * RESAMPLE_HALF_WIDTH * slow + 1, 0.9 / slow, window=("kaiser", 6.0))
        taps = signal.minimum_phase(prototype, half=False)
        taps = np.pad(taps, (0, -len(taps) % self.up))
        phases = taps.reshape(-1, self.up).T[:, ::-1]  # (up, n_taps), for the newest input last
        self.kernels = np.ascontiguousarray(phases / phases.sum(axis=1, keepdims=True))

    @property
    def n_taps(self) -> int:
        """Input samples behind one output."""
        return self.kernels.shape[1]

    def start(self, first: np.ndarray) -> State:
        """State of a resampler that has seen `first` (n_channels,) always."""
        past = np.repeat(first[None], self.n_taps - 1, axis=0)
        return {"past": past, "n_in": np.array(0), "n_out": np.array(0)}

    def samples_seen(self, state: State) -> int:
        """Number of input samples since the start."""
        return int(state["n_in"])

    def samples_made(self, state: State) -> int:
        """Number of output samples since the start."""
        return int(state["n_out"])

    def newest_input(self, m: Numbers) -> Numbers:
        """Number of the newest input sample used by output `m`."""
        return m * self.down // self.up

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Every output whose inputs are now complete."""
        n_in, n_out = self.samples_seen(state), self.samples_made(state)
        total = n_in + len(x)
        stop = (total * self.up - 1) // self.down + 1  # outputs m with m * down // up <= total - 1
        inputs = np.ascontiguousarray(np.concatenate([state["past"], x]))
        y = np.empty((stop - n_out, x.shape[1]))
        # Output by output: one product for all would sum in an order that depends on the chunk.
        for row, m in zip(y, range(n_out, stop), strict=True):
            first = self.newest_input(m) - n_in
            np.einsum("t,tc->c", self.kernels[m * self.down % self.up], inputs[first : first + self.n_taps], out=row)
        past = inputs[len(inputs) - (self.n_taps - 1) :]
        return y, {"past": past, "n_in": np.array(total), "n_out": np.array(stop)}
