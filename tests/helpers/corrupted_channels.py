"""A simulated session whose channels are corrupted in the usual ways, and the repair of it."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from realtime.quality.repair import ChannelRepair
from realtime.sensors.montage import positions
from realtime.simulation.brain import SimulatedBrain, simulate
from realtime.state import State

SFREQ = 250.0
NAMES = ("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2").split()
ONSET = 1503  # inside a block
KINDS = {"nan": "not finite", "inf": "not finite", "flat": "flat", "rail": "railed", "line": "line noise"}
KINDS |= {"clipped": "railed", "noise": "noise"}


@cache
def clean() -> np.ndarray:
    brain = SimulatedBrain(NAMES, SFREQ, np.random.default_rng(0).normal(size=(4, 8)))
    offsets = 20_000 * np.random.default_rng(1).normal(size=len(NAMES))
    return simulate(brain, 3, 20.0)[0].astype(float) + offsets


@cache
def repair(known: bool = True) -> ChannelRepair:
    return ChannelRepair(NAMES, positions(NAMES) if known else np.full((len(NAMES), 3), np.nan), SFREQ)


def corrupted(kind: str, channel: int, begin: int = ONSET, end: int = 3000) -> np.ndarray:
    x = clean().copy()
    piece, t = x[begin:end, channel], np.arange(begin, end)
    x[begin:end, channel] = {
        "nan": np.nan,
        "inf": -np.inf,
        "flat": piece[0],
        "rail": 187_500.0 + 0.01 * (t % 2),
        "line": piece + 400 * np.sin(2 * np.pi * 50 / SFREQ * t),
        "clipped": piece.mean() + np.clip(3000 * np.sin(2 * np.pi * 3.1 / SFREQ * t), -500, 500),
        "noise": piece + 300 * np.random.default_rng(4).normal(size=len(t)),
    }[kind]
    return x


def repaired(
    x: np.ndarray, cuts: Sequence[int] = (), gap: int | None = None, model: ChannelRepair | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, State]:
    """Signal, marks and last state of `x` cut at `cuts`, with samples lost before row `gap`."""
    model = model or repair()
    state: State = model.start()
    parts, bad, artifact = [], [], []
    for start, stop in pairwise(sorted({0, len(x), *(min(cut, len(x)) for cut in cuts), *([gap] if gap else [])})):
        if start and start == gap:
            state = model.resume(state)
        y, marks, state = model.step(x[start:stop], state)
        parts.append(y)
        bad.append(marks.bad)
        artifact.append(marks.artifact)
    return np.concatenate(parts), np.concatenate(bad), np.concatenate(artifact), state
