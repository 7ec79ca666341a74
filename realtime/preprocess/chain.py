"""Causal preprocessing with carried state: raw microvolts in, network-ready float64 out.

Every step obeys `y, state = step(x, state)` on (n_times, n_channels) arrays; cutting the input differently changes no
bit of the output.
"""

import numpy as np

from realtime.errors import BadInput
from realtime.preprocess.alignment import RunningWhitening
from realtime.preprocess.config import PreprocessConfig
from realtime.preprocess.filters import Filter, design_sections
from realtime.preprocess.non_finite_guard import NonFiniteGuard
from realtime.preprocess.resample import Resample
from realtime.preprocess.running_scale import RunningScale
from realtime.state import State, prefixed, substate


class Preprocess:
    """The whole chain for one set of channels at one stream rate: guard, reference, filter, resample, scale, align."""

    def __init__(self, config: PreprocessConfig, ch_names: tuple[str, ...], sfreq_in: float):
        self.config, self.ch_names, self.sfreq_in = config, ch_names, sfreq_in
        self.guard = NonFiniteGuard()
        self.filter = Filter(design_sections(config, sfreq_in))
        self.resample = Resample(sfreq_in, config.sfreq)
        self.scale = RunningScale(config.sfreq, config.scale_s, config.clamp)
        self.align = RunningWhitening(config.sfreq, config.align_s) if config.align_s else None
        reference = config.reference
        names = () if reference in ("none", "average") else (reference,) if isinstance(reference, str) else reference
        if missing := [name for name in names if name not in ch_names]:
            raise BadInput(
                f"preprocess: key 'reference' says {missing[0]!r}, but needs 'average', 'none' or names among "
                f"{', '.join(ch_names)}; correct it and train again"
            )
        self.reference = [ch_names.index(name) for name in names]

    def __repr__(self) -> str:
        config = self.config
        return (
            f"<Preprocess {len(self.ch_names)} channels {self.sfreq_in:g} -> {config.sfreq:g} Hz, "
            f"{config.highpass_hz or 0:g}-{config.lowpass_hz or config.sfreq / 2:g} Hz, reference {config.reference}"
            + (f", aligned over {config.align_s:g} s>" if config.align_s else ">")
        )

    def _rereference(self, x: np.ndarray) -> np.ndarray:
        if self.config.reference == "none":
            return x
        rows = np.ascontiguousarray(x[:, self.reference] if self.reference else x)
        rereferenced: np.ndarray = x - rows.sum(axis=1, keepdims=True) / rows.shape[1]
        return rereferenced

    def start(self, first: np.ndarray | None = None) -> State:
        """State before the first sample; in the steady state of `first` (n_channels,) if that is given."""
        row = np.zeros(len(self.ch_names)) if first is None else first.astype(float)
        guard = self.guard.start(row)
        row = self._rereference(guard["last"][None])[0]
        steady = row * self.filter.dc_gain
        return {
            "started": np.array(first is not None),
            **prefixed("guard", guard),
            **prefixed("filter", self.filter.start(row)),
            **prefixed("resample", self.resample.start(steady)),
            **prefixed("scale", self.scale.start(steady)),
            **(prefixed("align", self.align.start(len(row))) if self.align else {}),
        }

    def resume(self, state: State) -> State:
        """State after lost samples: filters start anew, scale and alignment, which are slow, stay."""
        return self.start() | self._slow(state)

    def _slow(self, state: State) -> State:
        return {
            name: value for key in ("scale", "align") for name, value in prefixed(key, substate(state, key)).items()
        }

    def samples_seen(self, state: State) -> int:
        """Number of input samples since the start or the last lost samples."""
        return self.resample.samples_seen(substate(state, "resample"))

    def samples_made(self, state: State) -> int:
        """Number of output samples since then."""
        return self.resample.samples_made(substate(state, "resample"))

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Preprocess `x` (n_times, n_channels) in microvolts into running standard deviations at `config.sfreq`."""
        if not len(x):
            return np.zeros((0, len(self.ch_names))), state
        if not state["started"]:
            state = self.start(x[0]) | self._slow(state)
        y, guard = self.guard.step(np.asarray(x, float), substate(state, "guard"))
        y, filtered = self.filter.step(self._rereference(y), substate(state, "filter"))
        y, resampled = self.resample.step(y, substate(state, "resample"))
        y, scale = self.scale.step(y, substate(state, "scale"))
        aligned: State = {}
        if self.align:
            y, aligned = self.align.step(y, substate(state, "align"))
        return y, {
            "started": np.array(True),
            **prefixed("guard", guard),
            **prefixed("filter", filtered),
            **prefixed("resample", resampled),
            **prefixed("scale", scale),
            **prefixed("align", aligned),
        }
