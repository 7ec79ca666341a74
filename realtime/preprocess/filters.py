"""Causal recursive filters with carried state."""

import numpy as np
from scipy import signal

from realtime.preprocess.config import PreprocessConfig
from realtime.state import State


def design_sections(config: PreprocessConfig, sfreq: float) -> np.ndarray:
    """Return second-order sections (n_sections, 6) of the highpass, notches and lowpass for a rate of `sfreq` Hz."""
    sections = []
    if config.highpass_hz:
        sections.append(signal.butter(2, config.highpass_hz, "highpass", fs=sfreq, output="sos"))
    if config.notch_hz:
        harmonics = np.arange(config.notch_hz, min(sfreq / 2, config.lowpass_hz or sfreq) - 1e-9, config.notch_hz)
        sections += [signal.tf2sos(*signal.iirnotch(f, 30.0, fs=sfreq)) for f in harmonics]
    if config.lowpass_hz and config.lowpass_hz < sfreq / 2:
        sections.append(signal.butter(4, config.lowpass_hz, "lowpass", fs=sfreq, output="sos"))
    return np.concatenate(sections) if sections else np.empty((0, 6))


class Filter:
    """Second-order sections run forward, in steady state at the first sample so that an electrode offset does not ring.

    State: zi float64[n_sections, 2, C].
    """

    def __init__(self, sos: np.ndarray):
        self.sos = sos
        self.steady_state = signal.sosfilt_zi(sos) if len(sos) else np.zeros((0, 2))
        self.dc_gain = float(np.prod(sos[:, :3].sum(axis=1) / sos[:, 3:].sum(axis=1)))

    def start(self, first: np.ndarray) -> State:
        """State of a filter that has seen `first` (n_channels,) always."""
        return {"zi": self.steady_state[:, :, None] * first}

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Filter the chunk."""
        if not len(self.sos):
            return x, state
        y, zi = signal.sosfilt(self.sos, x, axis=0, zi=state["zi"])
        return y, {"zi": np.ascontiguousarray(zi)}  # safetensors ignores strides
