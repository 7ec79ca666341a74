"""One signal for the tests of a session and of its reader: ten seconds of eight channels, played from a script."""

from collections.abc import Sequence

import numpy as np

from realtime.stream import Chunk, Marker
from tests.helpers.bundles import CH_NAMES
from tests.helpers.engines import T0, ArraySource, chunk

SFREQ = 160.0
# float32, as amplifiers send
SAMPLES = (20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500).astype(np.float32).astype(float)


def whole(
    samples: np.ndarray = SAMPLES, index: int = 0, markers: Sequence[Marker] = (), t0: float = T0
) -> tuple[list[Chunk], list[Marker]]:
    """One pull that gives all of it."""
    return [chunk(samples, index, SFREQ, t0=t0)], list(markers)


def source(*script: object, ch_names: Sequence[str] = CH_NAMES, sfreq: float = SFREQ) -> ArraySource:
    """What plays the script and then falls silent."""
    return ArraySource(ch_names, sfreq, script)
