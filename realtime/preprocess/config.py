"""The configuration of preprocessing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PreprocessConfig:
    """The steps from a raw sample to the network's input."""

    highpass_hz: float | None = 1.0  # second-order Butterworth; None: off
    lowpass_hz: float | None = 40.0  # fourth-order Butterworth; None: only the resampler's anti-aliasing
    notch_hz: float | None = None  # line frequency to remove with its harmonics; None: off
    sfreq: float = 128.0  # of the output, Hz
    reference: str | tuple[str, ...] = "average"  # "average", "none", or the names of the reference channels
    scale_s: float = 30.0  # time constant of the running scale, seconds
    clamp: float = 4.0  # largest absolute value of the output, in running standard deviations
    align_s: float | None = None  # memory of the running covariance that whitens each session, seconds; None: off
