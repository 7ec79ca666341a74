"""Causal preprocessing with carried state: raw microvolts in, network-ready float64 out.

Every step obeys `y, state = step(x, state)` on (n_times, n_channels) arrays; cutting the input differently changes no
bit of the output. Knows nothing of streams, hops or networks.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
from scipy import signal

from realtime.align import RunningWhitening
from realtime.errors import BadInput
from realtime.state import State, named, part

Numbers = TypeVar("Numbers", int, np.ndarray)
# Half-width of the anti-aliasing filter in samples of the slower rate; minimum phase, so it costs about one of delay.
RESAMPLE_HALF_WIDTH = 8
# Microvolts added before the logarithm of the running scale: a flat channel must not be blown up into noise.
SCALE_FLOOR_UV = 0.05
# exp(-E log|z|) of a standard normal z: turns a mean of log|x| into a standard deviation.
LOG_ABS_TO_SD = float(np.exp((np.log(2) + np.euler_gamma) / 2))


@dataclass(frozen=True)
class PreprocessConfig:
    """What happens to a sample before the network sees it."""

    highpass_hz: float | None = 1.0  # second-order Butterworth; None: off
    lowpass_hz: float | None = 40.0  # fourth-order Butterworth; None: only the resampler's anti-aliasing
    notch_hz: float | None = None  # line frequency to remove with its harmonics; None: off
    sfreq: float = 128.0  # rate the network sees, Hz
    reference: str | tuple[str, ...] = "average"  # "average", "none", or the names of the reference channels
    scale_s: float = 30.0  # time constant of the running scale, seconds
    clamp: float = 4.0  # largest absolute value passed on, in running standard deviations
    align_s: float | None = None  # memory of the running covariance that whitens each session, seconds; None: off


def _sections(config: PreprocessConfig, sfreq: float) -> np.ndarray:
    parts = []
    if config.highpass_hz:
        parts.append(signal.butter(2, config.highpass_hz, "highpass", fs=sfreq, output="sos"))
    if config.notch_hz:
        harmonics = np.arange(config.notch_hz, min(sfreq / 2, config.lowpass_hz or sfreq) - 1e-9, config.notch_hz)
        parts += [signal.tf2sos(*signal.iirnotch(f, 30.0, fs=sfreq)) for f in harmonics]
    if config.lowpass_hz and config.lowpass_hz < sfreq / 2:
        parts.append(signal.butter(4, config.lowpass_hz, "lowpass", fs=sfreq, output="sos"))
    return np.concatenate(parts) if parts else np.empty((0, 6))


class Guard:
    """Hold the last good value through NaN and Inf, and count them: one NaN would poison a recursive filter for ever.

    A channel without a good value yet is held at 0, and its first one taken for 0 from then on: an electrode's offset
    coming out of nothing would ring in every channel behind an average reference.

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
        """Replace what is not finite."""
        good, offset = np.isfinite(x), state["offset"]
        if offset.any():  # NaN counts
            begun = np.isnan(offset) & good.any(axis=0)
            firsts = x[good.argmax(axis=0), np.arange(x.shape[1])]
            offset = np.where(begun, -firsts, offset)
            x = x + np.where(np.isnan(offset), 0.0, offset)
        if good.all():
            return x, {"last": x[-1].copy(), "count": state["count"], "offset": offset}
        seen = np.vstack([state["last"], x])
        rows = np.vstack([np.zeros(x.shape[1], int), np.where(good, np.arange(1, len(x) + 1)[:, None], 0)])
        held = np.take_along_axis(seen, np.maximum.accumulate(rows), axis=0)[1:]
        count = state["count"] + (~good).sum(axis=0)
        return held, {"last": held[-1].copy(), "count": count, "offset": offset}


class Filter:
    """Second-order sections run forward, settled on the first sample so that an electrode offset rings nothing.

    State: zi float64[n_sections, 2, C].
    """

    def __init__(self, sos: np.ndarray):
        self.sos = sos
        self.settled = signal.sosfilt_zi(sos) if len(sos) else np.zeros((0, 2))
        self.dc_gain = float(np.prod(sos[:, :3].sum(axis=1) / sos[:, 3:].sum(axis=1)))

    def start(self, first: np.ndarray) -> State:
        """State of a filter that has seen `first` (n_channels,) for ever."""
        return {"zi": self.settled[:, :, None] * first}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Filter the chunk."""
        if not len(self.sos):
            return x, state
        y, zi = signal.sosfilt(self.sos, x, axis=0, zi=state["zi"])
        return y, {"zi": np.ascontiguousarray(zi)}  # safetensors writes memory as it lies, whatever the strides


class Resample:
    """Rational polyphase resampling with a minimum-phase filter.

    Output m uses input samples up to floor(m * down / up). State: past float64[n_taps - 1, C]  last inputs; n_in, n_out
    int64  samples seen and made.
    """

    def __init__(self, sfreq_in: float, sfreq_out: float):
        ratio = Fraction(sfreq_out / sfreq_in).limit_denominator(2000)
        self.up, self.down = ratio.numerator, ratio.denominator
        if ratio == 1:
            self.kernels = np.ones((1, 1))
            return
        slow = max(self.up, self.down)
        # Squaring inside `minimum_phase(half=True)` halves the attenuation in dB, hence half=False on a longer one.
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
        """State of a resampler that has seen `first` (n_channels,) for ever."""
        past = np.repeat(first[None], self.n_taps - 1, axis=0)
        return {"past": past, "n_in": np.array(0), "n_out": np.array(0)}

    def newest_input(self, m: Numbers) -> Numbers:
        """Number of the newest input sample used by output `m`."""
        return m * self.down // self.up

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Every output whose inputs are now complete."""
        n_in, n_out = int(state["n_in"]), int(state["n_out"])
        total = n_in + len(x)
        stop = (total * self.up - 1) // self.down + 1  # outputs m with m * down // up <= total - 1
        seen = np.ascontiguousarray(np.concatenate([state["past"], x]))
        y = np.empty((stop - n_out, x.shape[1]))
        # Output by output: one product for all would sum in an order that depends on the chunk.
        for row, m in zip(y, range(n_out, stop), strict=True):
            first = self.newest_input(m) - n_in
            np.einsum("t,tc->c", self.kernels[m * self.down % self.up], seen[first : first + self.n_taps], out=row)
        past = seen[len(seen) - (self.n_taps - 1) :]
        return y, {"past": past, "n_in": np.array(total), "n_out": np.array(stop)}


class RunningScale:
    """Divide by a slow running scale per channel, robust to bursts because it averages log|x|, then clamp.

    State: log float64[1, C]  filter memory; n int64  samples seen.
    """

    def __init__(self, sfreq: float, scale_s: float, clamp: float):
        self.keep = float(np.exp(-1 / (sfreq * scale_s)))
        self.log_keep, self.clamp = float(np.log(self.keep)), clamp

    def start(self, first: np.ndarray) -> State:
        """State before any sample."""
        return {"log": np.zeros((1, len(first))), "n": np.array(0)}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Scale the chunk to running standard deviations."""
        mean = (1 - self.keep) * np.log(np.abs(x) + SCALE_FLOOR_UV)
        log = state["log"][0]
        for row in mean:
            row += log
            log = row * self.keep
        n = int(state["n"])
        weight = -np.expm1(self.log_keep * np.arange(n + 1, n + len(x) + 1))[:, None]
        y = x / (np.exp(mean / weight) * LOG_ABS_TO_SD)
        y = np.minimum(np.maximum(y, -self.clamp), self.clamp)
        return y, {"log": log[None].copy(), "n": np.array(n + len(x))}


class Preprocess:
    """The whole chain for one set of channels at one stream rate: guard, reference, filter, resample, scale, align."""

    def __init__(self, config: PreprocessConfig, ch_names: tuple[str, ...], sfreq_in: float):
        self.config, self.ch_names, self.sfreq_in = config, ch_names, sfreq_in
        self.guard = Guard()
        self.filter = Filter(_sections(config, sfreq_in))
        self.resample = Resample(sfreq_in, config.sfreq)
        self.scale = RunningScale(config.sfreq, config.scale_s, config.clamp)
        self.align = RunningWhitening(config.sfreq, config.align_s) if config.align_s else None
        names = config.reference
        asked = () if names in ("none", "average") else (names,) if isinstance(names, str) else names
        if missing := [name for name in asked if name not in ch_names]:
            raise BadInput(
                f"preprocess: key 'reference' says {missing[0]!r}, but needs 'average', 'none' or names among "
                f"{', '.join(ch_names)}; correct it and train again"
            )
        self.reference = [ch_names.index(name) for name in asked]

    def __repr__(self) -> str:
        c = self.config
        return (
            f"<Preprocess {len(self.ch_names)} channels {self.sfreq_in:g} -> {c.sfreq:g} Hz, "
            f"{c.highpass_hz or 0:g}-{c.lowpass_hz or c.sfreq / 2:g} Hz, reference {c.reference}"
            + (f", aligned over {c.align_s:g} s>" if c.align_s else ">")
        )

    def _rereference(self, x: np.ndarray) -> np.ndarray:
        if self.config.reference == "none":
            return x
        rows = np.ascontiguousarray(x[:, self.reference] if self.reference else x)
        return x - rows.sum(axis=1, keepdims=True) / rows.shape[1]

    def start(self, first: np.ndarray | None = None) -> State:
        """State before the first sample; given `first` (n_channels,), settled on it."""
        row = np.zeros(len(self.ch_names)) if first is None else first.astype(float)
        guard = self.guard.start(row)
        row = self._rereference(guard["last"][None])[0]
        settled = row * self.filter.dc_gain
        return {
            "started": np.array(first is not None),
            **named("guard", guard),
            **named("filter", self.filter.start(row)),
            **named("resample", self.resample.start(settled)),
            **named("scale", self.scale.start(settled)),
            **(named("align", self.align.start(len(row))) if self.align else {}),
        }

    def resume(self, state: State) -> State:
        """State after lost samples: filters start afresh, what is slow (scale, alignment) is kept."""
        return self.start() | self._slow(state)

    def _slow(self, state: State) -> State:
        return {name: value for key in ("scale", "align") for name, value in named(key, part(state, key)).items()}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Preprocess `x` (n_times, n_channels) in microvolts into running standard deviations at `config.sfreq`."""
        if not len(x):
            return np.zeros((0, len(self.ch_names))), state
        if not state["started"]:
            state = self.start(x[0]) | self._slow(state)
        y, guard = self.guard.step(np.asarray(x, float), part(state, "guard"))
        y, filtered = self.filter.step(self._rereference(y), part(state, "filter"))
        y, resampled = self.resample.step(y, part(state, "resample"))
        y, scale = self.scale.step(y, part(state, "scale"))
        aligned: State = {}
        if self.align:
            y, aligned = self.align.step(y, part(state, "align"))
        return y, {
            "started": np.array(True),
            **named("guard", guard),
            **named("filter", filtered),
            **named("resample", resampled),
            **named("scale", scale),
            **named("align", aligned),
        }
