"""Replaces bad channels by interpolation from good ones and marks artifacts; causal, with explicit state.

Blocks of 0.1 s, counted from the segment's first sample, decide for the samples that follow them, so cutting the input
changes no bit. A channel is flagged at most 0.4 s after it went bad and used again after about 1 s of good data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from realtime.preprocess.non_finite_guard import NonFiniteGuard
from realtime.quality.artifacts import ArtifactDetector, differences
from realtime.quality.bad_channels import BLOCK_S, GOOD, HELD, N_BLOCKS, BadChannelFinder, channel_kind
from realtime.sensors.spherical_spline import interpolation_matrix, sphere_centre
from realtime.state import State, prefixed, substate

GOOD_BLOCKS = 10  # in a row until a channel is used again
MIN_NEIGHBOURS = 4  # good channels with positions, for a spline
JUMP_UV = 1000.0  # between two samples: a rail, a cable or an electrode's offset; good channels have up to 400


@dataclass(frozen=True)
class QualityMarks:
    """Flags of each sample."""

    reason: np.ndarray  # int8 (n_times, n_channels) into REASONS
    artifact: np.ndarray  # bool (n_times,): blink or burst

    @property
    def bad(self) -> np.ndarray:
        """Samples that are not the channel's own, bool (n_times, n_channels)."""
        return self.reason > GOOD


class ChannelRepair:
    """Finds bad channels, interpolates them and marks artifacts: `y, marks, state = repair.step(x, state)`.

    A bad channel is interpolated by spherical splines (Perrin et al. 1989) from the good ones if its position and those
    of at least four good channels are known. Else it is the mean of the good channels of its kind (EEG, magnetometers,
    gradiometers); if none is good, zero. Each change of source is shifted by a constant to begin where the last one
    ended: electrode offsets differ by millivolts, and a step would ring in the high-pass of every channel behind an
    average reference. The shift stays; the high-pass removes it. If an EEG channel jumps by a millivolt between two
    samples, the jump is removed in the same way at once.

    `positions_m` is (n_channels, 3), NaN where unknown. State: guard.*; artifact.*; started bool; n int64  samples of
    this segment; recent float64[3, block, C]  last whole blocks; pending float64[block, C]  of the unfinished one;
    holes int64[4, C]  samples not finite in those; high, low float64[C]  extremes in this segment; reason int64[C] into
    REASONS; good int64[C]  good blocks in a row; shift float64[C]  of the source; last, offset float64[C]  newest
    sample and sum of the jumps removed.
    """

    def __init__(self, ch_names: Sequence[str], positions_m: np.ndarray, sfreq: float):
        self.ch_names, self.sfreq = tuple(ch_names), sfreq
        self.positions_m = np.asarray(positions_m, float).reshape(-1, 3)
        self.block = max(4, round(BLOCK_S * sfreq))
        self.guard, self.artifacts = NonFiniteGuard(), ArtifactDetector(self.positions_m, sfreq, self.block)
        kinds = [channel_kind(name) for name in ch_names]
        self.finder = BadChannelFinder(kinds, sfreq, self.block)
        is_eeg = np.array(kinds) == "eeg"
        self.jump_uv = np.where(is_eeg, JUMP_UV, np.inf)
        self.placed = np.isfinite(self.positions_m).all(axis=1) & is_eeg
        self.directions = self.positions_m - (sphere_centre(self.positions_m[self.placed]) if self.placed.any() else 0)
        self.weights = lru_cache(maxsize=64)(self._weights)  # geometry only; nothing of a stream

    def start(self) -> State:
        """State before the first sample of a stream."""
        n, zeros = len(self.ch_names), np.zeros(len(self.ch_names))
        return {
            **prefixed("guard", self.guard.start(zeros)),
            **prefixed("artifact", self.artifacts.start()),
            "started": np.array(False),
            "n": np.array(0),
            "recent": np.zeros((N_BLOCKS, self.block, n)),
            "pending": np.zeros((self.block, n)),
            "holes": np.zeros((N_BLOCKS + 1, n), np.int64),
            "high": np.full(n, -np.inf),
            "low": np.full(n, np.inf),
            "reason": np.zeros(n, np.int64),
            "good": np.zeros(n, np.int64),
            "shift": zeros,
            "last": zeros,
            "offset": zeros,
        }

    def resume(self, state: State) -> State:
        """State after lost samples: a new segment; bad channels stay bad until they have been good for a while."""
        flags = {key: state[key] for key in ("reason", "good")}
        return self.start() | flags | prefixed("artifact", self.artifacts.resume(substate(state, "artifact")))

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """Repair and mark `x` (n_times, n_channels), microvolts; where nothing is bad `y` is `x`, bit for bit."""
        if not len(x):
            return x, QualityMarks(np.zeros(x.shape, np.int8), np.zeros(0, bool)), state
        x = np.ascontiguousarray(x, float)  # sums over another memory layout run in another order
        if not state["started"]:
            state = state | prefixed("guard", self.guard.start(x[0])) | {"started": np.array(True)}
        guarded, guard = self.guard.step(x, substate(state, "guard"))
        all_finite = guarded is x
        marks = np.zeros(x.shape, np.int8) if all_finite else np.where(np.isfinite(x), GOOD, HELD).astype(np.int8)
        last = state["last"] if state["n"] else guarded[0]
        smooth, offset = self._remove_jumps(guarded, last, state["offset"])
        state = state | prefixed("guard", guard)
        pending, holes, n = state["pending"].copy(), state["holes"].copy(), int(state["n"])
        repaired, begin = [], 0
        while begin < len(x):
            first = n % self.block
            end = min(begin + self.block - first, len(x))
            pending[first : first + end - begin] = guarded[begin:end]
            if not all_finite:
                holes[-1] += marks[begin:end].sum(axis=0)
            repaired.append(self._repair(smooth[begin:end], state))
            if state["reason"].any():
                np.maximum(marks[begin:end], state["reason"], out=marks[begin:end], casting="same_kind")
            n += end - begin
            if n % self.block == 0:
                recent = np.concatenate([state["recent"][1:], pending[None]])
                newest = smooth[end - 1], repaired[-1][-1]
                state = state | {"recent": recent} | self._update(recent, holes, n // self.block, state, *newest)
                holes = np.concatenate([holes[1:], np.zeros_like(holes[:1])])
            begin = end
        y = np.concatenate(repaired) if len(repaired) > 1 else repaired[0]
        artifact, artifacts = self.artifacts.step(y, substate(state, "artifact"))
        state |= {"last": guarded[-1].copy(), "offset": offset, "pending": pending, "holes": holes, "n": np.array(n)}
        return y, QualityMarks(marks, artifact), state | prefixed("artifact", artifacts)

    def _remove_jumps(self, x: np.ndarray, last: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        step = differences(x, last)
        jump = np.abs(step) > self.jump_uv
        if not (jump.any() or offset.any()):
            return x, offset
        offsets = np.add.accumulate(np.vstack([offset, np.where(jump, -step, 0.0)]), axis=0)[1:]
        return x + offsets, offsets[-1].copy()

    def _repair(self, x: np.ndarray, state: State) -> np.ndarray:
        shift = state["shift"]
        if not (state["reason"].any() or shift.any()):
            return x
        y, bad = x.copy(), state["reason"] > 0
        if bad.any():
            # Summed along the channels, whose number is fixed: the order of a matrix product depends on the chunk.
            y[:, bad] = (x[:, None, :] * self.weights(bad.tobytes())).sum(axis=2)
        shifted: np.ndarray = y + shift
        return shifted

    def _update(
        self, recent: np.ndarray, holes: np.ndarray, n_blocks: int, state: State, newest: np.ndarray, output: np.ndarray
    ) -> State:
        """Flags from here on, after a whole block whose last sample is `newest`, and `output` when repaired."""
        reason_now = self.finder.not_finite(holes)
        high, low = np.maximum(state["high"], recent[-1].max(axis=0)), np.minimum(state["low"], recent[-1].min(axis=0))
        if n_blocks >= N_BLOCKS:
            reason_now = np.where(reason_now > 0, reason_now, self.finder.find(recent, high, low))
        good = np.where(reason_now > 0, 0, state["good"] + 1)
        reason = np.where(reason_now > 0, reason_now, np.where(good >= GOOD_BLOCKS, GOOD, state["reason"]))
        new = {"high": high, "low": low, "good": good, "reason": reason}
        before, after = state["reason"] > 0, reason > 0
        if (before != after).any():
            unshifted = self._repair(newest[None], new | {"shift": np.zeros(len(output))})[0]
            new["shift"] = np.where(before | after, output - unshifted, state["shift"])
        return new

    def _weights(self, mask: bytes) -> np.ndarray:
        """(n_bad, n_channels) weights of all channels, zero for the bad ones."""
        bad = np.frombuffer(mask, bool)
        rows = np.zeros((len(bad), len(bad)))
        for kind in self.finder.kinds:
            if (kind & ~bad).any():
                rows[np.ix_(kind & bad, kind & ~bad)] = 1 / (kind & ~bad).sum()
        targets, sources = bad & self.placed, ~bad & self.placed
        if targets.any() and sources.sum() >= MIN_NEIGHBOURS:
            rows[targets] = 0
            rows[np.ix_(targets, sources)] = interpolation_matrix(self.directions[sources], self.directions[targets])
        weights: np.ndarray = rows[bad]
        return weights
