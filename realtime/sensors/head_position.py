"""Position of the head in an MEG helmet, from the channels that carry it live.

MaxFilter and the Neuromag acquisition write six channels, QUAT001 to QUAT006 (CHPI001 on in newer files): the rotation
from device to head as the vector of a unit quaternion, then the translation in metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

LIMIT_M = 0.005  # of movement since the start; half the usual tolerance between two runs of one person


@dataclass(frozen=True)
class HeadPosition:
    """The head of one session; `HeadPosition()` is before its first position."""

    start_m: tuple[float, float, float] | None = None  # the head's origin in the device
    n_limits_reported: int = 0  # multiple of LIMIT_M that was reported last; 0 once the head has come back


def position_channels(ch_names: Sequence[str]) -> np.ndarray | None:
    """Columns of the six channels, or None if the stream lacks them."""
    for prefix in ("QUAT", "CHPI"):
        names = [f"{prefix}{k:03d}" for k in range(1, 7)]
        if all(name in ch_names for name in names):
            return np.array([ch_names.index(name) for name in names])
    return None


def head_moved(position: np.ndarray, head: HeadPosition) -> tuple[float | None, HeadPosition]:
    """Millimetres from the start if a further LIMIT_M was passed, else None; `position` (6,) as in the channels.

    Zeros and non-finite values are no position: the coils were not found.
    """
    if not position.any() or not np.isfinite(position).all():
        return None, head
    origin = _origin(position)
    if head.start_m is None:
        return None, HeadPosition(tuple(origin.tolist()))
    off_m = float(np.linalg.norm(origin - head.start_m))
    n_limits = int(off_m / LIMIT_M)
    if n_limits > head.n_limits_reported:
        return off_m * 1e3, replace(head, n_limits_reported=n_limits)
    return None, replace(head, n_limits_reported=0) if off_m < LIMIT_M / 2 else head


def _origin(position: np.ndarray) -> np.ndarray:
    """The head's origin in the device frame, (3,) metres: the point that the transform to the head frame maps to 0."""
    vector, translation = position[:3], position[3:]
    scalar = np.sqrt(max(0.0, 1.0 - vector @ vector))
    # The inverse rotation of -translation, by the quaternion's conjugate.
    twice = 2 * np.cross(-vector, -translation)
    origin: np.ndarray = -translation + scalar * twice + np.cross(-vector, twice)
    return origin
