"""Checks of signals before their coupling is measured."""

from collections.abc import Sequence

import numpy as np

from realtime.errors import BadInput

FLAT = 1e-6  # of the median channel's sd


def samples_of(signals: Sequence[np.ndarray]) -> int:
    """Samples of all signals (C, T) together."""
    return sum(signal.shape[1] for signal in signals)


def check_flat(signals: Sequence[np.ndarray], ch_names: Sequence[str]) -> None:
    """BadInput names channels that never change, or hold values that are no numbers."""
    sd_C = np.sqrt(np.mean([signal.var(axis=1, dtype=float) for signal in signals if signal.shape[1]], axis=0))
    bad = [name for name, sd in zip(ch_names, sd_C, strict=True) if not sd > FLAT * np.nanmedian(sd_C)]
    if bad:
        raise BadInput(
            f"connectivity: channel {', '.join(bad)} is flat, so {len(sd_C) - len(bad)} of {len(sd_C)} channels can be "
            "compared and all are needed; drop it."
        )
