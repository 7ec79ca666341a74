"""Checks of signals before their coupling is computed."""

from collections.abc import Sequence

import numpy as np

from realtime.errors import BadInput

MIN_RELATIVE_SD = 1e-6  # of the median channel's standard deviation; below, a channel is flat


def count_samples(signals: Sequence[np.ndarray]) -> int:
    """Number of samples of all signals (C, T) together."""
    return sum(signal.shape[1] for signal in signals)


def check_flat(signals: Sequence[np.ndarray], ch_names: Sequence[str]) -> None:
    """Raise BadInput with the names of channels that never change or hold NaN or infinity."""
    sd_C = np.sqrt(np.mean([signal.var(axis=1, dtype=float) for signal in signals if signal.shape[1]], axis=0))
    flat = [name for name, sd in zip(ch_names, sd_C, strict=True) if not sd > MIN_RELATIVE_SD * np.nanmedian(sd_C)]
    if flat:
        raise BadInput(
            f"connectivity: channel {', '.join(flat)} is flat, so {len(sd_C) - len(flat)} of {len(sd_C)} channels can "
            "be compared and all are needed; drop it."
        )
