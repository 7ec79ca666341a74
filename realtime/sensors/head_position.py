"""Where the head is in an MEG helmet, from the channels that carry it live: a head that moves leaves its sensors.

MaxFilter and the Neuromag acquisition write six channels, QUAT001 to QUAT006 (CHPI001 on in newer files): the rotation
from device to head as the vector part of a unit quaternion, then the translation in metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

LIMIT_M = 0.005  # from where the head was at the start; half the usual tolerance between two runs of one person


@dataclass(frozen=True)
class HeadPosition:
    """What is known of the head of one session; `Head()` is before its first position."""

    start_m: tuple[float, float, float] | None = None  # the head's origin in the device
    told: int = 0  # how many times LIMIT_M it was off when that was last told; 0 once it has come back


def position_channels(ch_names: Sequence[str]) -> np.ndarray | None:
    """Columns of the six channels, or None where the stream does not say where the head is."""
    for prefix in ("QUAT", "CHPI"):
        names = [f"{prefix}{k:03d}" for k in range(1, 7)]
        if all(name in ch_names for name in names):
            return np.array([ch_names.index(name) for name in names])
    return None


def head_moved(position: np.ndarray, head: HeadPosition) -> tuple[float | None, HeadPosition]:
    """Millimetres off the start, if that is further than was told, else None; `position` (6,) as in the channels.

    Zeros and what is not finite are no position: the coils were not found.
    """
    if not position.any() or not np.isfinite(position).all():
        return None, head
    origin = _origin(position)
    if head.start_m is None:
        return None, HeadPosition(tuple(origin.tolist()))
    off_m = float(np.linalg.norm(origin - head.start_m))
    steps = int(off_m / LIMIT_M)
    if steps > head.told:
        return off_m * 1e3, replace(head, told=steps)
    return None, replace(head, told=0) if off_m < LIMIT_M / 2 else head


def _origin(position: np.ndarray) -> np.ndarray:
    """The head's origin in the device, (3,) metres: where the transform from device to head gives zero."""
    vector, translation = position[:3], position[3:]
    scalar = np.sqrt(max(0.0, 1.0 - vector @ vector))
    # The inverse rotation of -translation, by the quaternion's conjugate.
    twice = 2 * np.cross(-vector, -translation)
    return -translation + scalar * twice + np.cross(-vector, twice)
