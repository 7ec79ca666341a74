"""Which channels are bad right now, and what stands in for them; causal, explicit state.

Blocks of 0.1 s, counted from the segment's first sample, decide for the samples that follow them, so cutting the input
changes no bit. A channel is flagged at most 0.4 s after it went bad and lives again after about 1 s of good data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from realtime.preprocess.guard import NonFiniteGuard
from realtime.quality.artifacts import ArtifactDetector, differences
from realtime.sensors.spherical_spline import interpolation_matrix, sphere_centre
from realtime.state import State, prefixed, substate

REASONS = ("good", "held", "not finite", "flat", "railed", "line noise", "noise")
GOOD, HELD, NOT_FINITE, FLAT, RAILED, LINE, NOISE = range(len(REASONS))  # held: not finite, too short to judge by

BLOCK_S, N_BLOCKS = 0.1, 3  # what is looked at: the last three blocks
GOOD_BLOCKS = 10  # in a row until a channel lives again
MIN_GOOD = 4  # positioned neighbours for a spline; channels of a kind for a comparison of lines among them
MIN_NOISE = 8  # channels of a kind for a comparison of noise: a headband's few electrodes differ too much
# Measured on the shared recordings of eegmmidb and four Muse data sets (64 and 5 channels, 160 and 256 Hz), no flag:
NOT_FINITE_SHARE = 0.25  # of the samples looked at; fewer are held at the last good value
FLAT_UV = 0.1  # peak to peak; live channels have 5 and more in 0.1 s
RAIL_SHARE, RAIL_SPAN_UV, RAIL_NEAR = 0.25, 200.0, 1e-4  # samples at the segment's extreme; least span; of the span
LINE_HZ = (50.0, 60.0)
OTHERS = 0.25  # the channels' quantile that one is held against: half of them may be bad at once
LINE_UV, LINE_OVER_REST, LINE_OVER_OTHERS = 150.0, 3.0, 10.0  # amplitude; power ratio; amplitude ratio
NOISE_UV, NOISE_OVER_OTHERS = 60.0, 12.0  # mean step from sample to sample; ratio (live: 68 microvolts, 5.6)
# The same where there is nothing to be held against, as when the ground comes off and every channel is noise; less what
# a line makes of it, which a notch takes out (live: 62; an open electrode: 208 and more).
NOISE_SURE_UV = 120.0
JUMP_UV = 1000.0  # between two samples: no brain does that; a rail, a cable or an electrode's offset does (live: 400)


@dataclass(frozen=True)
class QualityMarks:
    """What is wrong with each sample."""

    reason: np.ndarray  # int8 (n_times, n_channels) into REASONS
    artifact: np.ndarray  # bool (n_times,): blink or burst

    @property
    def bad(self) -> np.ndarray:
        """Samples that are not the channel's own, bool (n_times, n_channels)."""
        return self.reason > GOOD


class ChannelRepair:
    """Finds bad channels, puts others' signal in their place and marks artifacts: `y, marks, state = step(x, state)`.

    A bad channel is interpolated by spherical splines (Perrin et al. 1989) from the good ones where its position and
    those of at least four good channels are known, else it is the mean of the good channels of its kind (EEG,
    magnetometers, gradiometers); where none is good, silence. Each change of source is shifted by a constant to begin
    where the last one ended: electrode offsets differ by millivolts, and a step would ring in the high-pass of every
    channel behind an average reference. The shift stays; the high-pass removes it. Where an EEG channel jumps by a
    millivolt between two samples, the jump is taken out likewise, the moment it happens.

    `positions_m` is (n_channels, 3), NaN where unknown. State: guard.*; artifact.*; started bool; n int64  samples of
    this segment; recent float64[3, block, C]  last whole blocks; pending float64[block, C]  of the unfinished one;
    holes int64[4, C]  samples not finite in those; high, low float64[C]  extremes in this segment; reason int64[C] into
    REASONS; good int64[C]  good blocks in a row; shift float64[C]  of the source; last, offset float64[C]  newest
    sample and sum of the jumps taken out.
    """

    def __init__(self, ch_names: Sequence[str], positions_m: np.ndarray, sfreq: float):
        self.ch_names, self.sfreq = tuple(ch_names), sfreq
        self.positions_m = np.asarray(positions_m, float).reshape(-1, 3)
        self.block = max(4, round(BLOCK_S * sfreq))
        self.guard, self.artifacts = NonFiniteGuard(), ArtifactDetector(self.positions_m, sfreq, self.block)
        kinds = np.array([_kind(name) for name in ch_names])
        self.jump_uv = np.where(kinds == "eeg", JUMP_UV, np.inf)
        self.noise_uv = np.where(kinds == "eeg", NOISE_SURE_UV, np.inf)
        self.kinds = [kinds == kind for kind in dict.fromkeys(kinds)]
        self.placed = np.isfinite(self.positions_m).all(axis=1) & (kinds == "eeg")
        self.directions = self.positions_m - (sphere_centre(self.positions_m[self.placed]) if self.placed.any() else 0)
        t = np.arange(N_BLOCKS * self.block) / sfreq
        # A line this close to half the rate cannot be told from its mirror image.
        waves = [2 * np.pi * hz * t for hz in LINE_HZ if hz < 0.45 * sfreq]
        self.line_step = 4 / np.pi * np.sin(np.pi * min(max(LINE_HZ) / sfreq, 0.5))  # mean, of a line of amplitude 1
        self.waves = np.array([[np.cos(wave), np.sin(wave)] for wave in waves]).reshape(-1, 2, len(t))
        self.weights = lru_cache(maxsize=64)(self._weights)  # geometry only; nothing of a stream

    def start(self) -> State:
        """State before the first sample of a stream."""
        n, nothing = len(self.ch_names), np.zeros(len(self.ch_names))
        return {
            **prefixed("guard", self.guard.start(nothing)),
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
            "shift": nothing,
            "last": nothing,
            "offset": nothing,
        }

    def resume(self, state: State) -> State:
        """State after lost samples: a new segment begins; what was bad still is, until it has been good for a while."""
        kept = {key: state[key] for key in ("reason", "good")}
        return self.start() | kept | prefixed("artifact", self.artifacts.resume(substate(state, "artifact")))

    def step(self, x: np.ndarray, state: State) -> tuple[np.ndarray, QualityMarks, State]:
        """Repair and mark `x` (n_times, n_channels), microvolts; where nothing is bad `y` is `x`, bit for bit."""
        if not len(x):
            return x, QualityMarks(np.zeros(x.shape, np.int8), np.zeros(0, bool)), state
        x = np.ascontiguousarray(x, float)  # columns picked by index lie otherwise, and sums run in another order
        if not state["started"]:
            state = state | prefixed("guard", self.guard.start(x[0])) | {"started": np.array(True)}
        held, guard = self.guard.step(x, substate(state, "guard"))
        whole = held is x
        marks = np.zeros(x.shape, np.int8) if whole else np.where(np.isfinite(x), GOOD, HELD).astype(np.int8)
        last = state["last"] if state["n"] else held[0]
        smooth, offset = self._without_jumps(held, last, state["offset"])
        state = state | prefixed("guard", guard)
        pending, holes, n = state["pending"].copy(), state["holes"].copy(), int(state["n"])
        parts, begin = [], 0
        while begin < len(x):
            at = n % self.block
            end = min(begin + self.block - at, len(x))
            piece = held[begin:end]
            pending[at : at + len(piece)] = piece
            if not whole:
                holes[-1] += marks[begin:end].sum(axis=0)
            parts.append(self._repaired(smooth[begin:end], state))
            if state["reason"].any():
                np.maximum(marks[begin:end], state["reason"], out=marks[begin:end], casting="same_kind")
            n += len(piece)
            if n % self.block == 0:
                recent = np.concatenate([state["recent"][1:], pending[None]])
                was = smooth[end - 1], parts[-1][-1]
                state = state | {"recent": recent} | self._decided(recent, holes, n // self.block, state, *was)
                holes = np.concatenate([holes[1:], np.zeros_like(holes[:1])])
            begin = end
        y = np.concatenate(parts) if len(parts) > 1 else parts[0]
        artifact, artifacts = self.artifacts.step(y, substate(state, "artifact"))
        state |= {"last": held[-1].copy(), "offset": offset, "pending": pending, "holes": holes, "n": np.array(n)}
        return y, QualityMarks(marks, artifact), state | prefixed("artifact", artifacts)

    def _without_jumps(self, x: np.ndarray, last: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        step = differences(x, last)
        jump = np.abs(step) > self.jump_uv
        if not (jump.any() or offset.any()):
            return x, offset
        offsets = np.add.accumulate(np.vstack([offset, np.where(jump, -step, 0.0)]), axis=0)[1:]
        return x + offsets, offsets[-1].copy()

    def _repaired(self, x: np.ndarray, state: State) -> np.ndarray:
        shift = state["shift"]
        if not (state["reason"].any() or shift.any()):
            return x
        y, bad = x.copy(), state["reason"] > 0
        if bad.any():
            # Summed along the channels, whose number is fixed: a matrix product's order depends on the chunk.
            y[:, bad] = (x[:, None, :] * self.weights(bad.tobytes())).sum(axis=2)
        return y + shift

    def _decided(
        self, recent: np.ndarray, holes: np.ndarray, n_blocks: int, state: State, own: np.ndarray, last: np.ndarray
    ) -> State:
        """Reasons from here on, after a whole block whose last sample was `own`, and `last` when repaired."""
        found = np.where(holes.sum(axis=0) > NOT_FINITE_SHARE * N_BLOCKS * self.block, NOT_FINITE, GOOD)
        high, low = np.maximum(state["high"], recent[-1].max(axis=0)), np.minimum(state["low"], recent[-1].min(axis=0))
        if n_blocks >= N_BLOCKS:
            found = np.where(found > 0, found, self._found(recent, high, low))
        good = np.where(found > 0, 0, state["good"] + 1)
        reason = np.where(found > 0, found, np.where(good >= GOOD_BLOCKS, GOOD, state["reason"]))
        new = {"high": high, "low": low, "good": good, "reason": reason}
        before, after = state["reason"] > 0, reason > 0
        if (before != after).any():
            now = self._repaired(own[None], new | {"shift": np.zeros(len(last))})[0]
            new["shift"] = np.where(before | after, last - now, state["shift"])
        return new

    def _found(self, recent: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray:
        x = recent.reshape(-1, recent.shape[2])
        top, bottom = x.max(axis=0), x.min(axis=0)
        flat, span = top - bottom <= FLAT_UV, high - low
        near = RAIL_NEAR * span
        railed = (span >= RAIL_SPAN_UV) & ((top >= high - near) | (bottom <= low + near))
        if railed.any():
            share = np.maximum((x >= high - near).mean(axis=0), (x <= low + near).mean(axis=0))
            railed &= (share >= RAIL_SHARE) & ~(flat & (x[-1] == 0))  # exactly nothing is no rail
        found = np.where(railed, RAILED, np.where(flat, FLAT, GOOD))
        # No line and no noise is larger than the span; most blocks end here.
        if not (top - bottom > min(NOISE_UV, LINE_UV / 2)).any():
            return found
        step = np.abs(np.diff(recent, axis=1)).mean(axis=1).min(axis=0)  # a single jump is in one block only
        line, rest = self._line(x)
        noisy, lined = step > NOISE_UV, (line > LINE_UV) & (line**2 / 2 > LINE_OVER_REST * rest)
        sure = step**2 - (self.line_step * line) ** 2 > self.noise_uv**2
        for kind in self.kinds:
            if (noisy | lined)[kind].any():
                n = kind.sum()
                noisy[kind] &= (n >= MIN_NOISE) & (step[kind] > NOISE_OVER_OTHERS * np.quantile(step[kind], OTHERS))
                lined[kind] &= (n >= MIN_GOOD) & (line[kind] > LINE_OVER_OTHERS * np.quantile(line[kind], OTHERS))
        return np.where(found > 0, found, np.where(lined, LINE, np.where(noisy | sure, NOISE, GOOD)))

    def _line(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amplitude of the stronger line frequency, and the power of everything else, per channel."""
        x = x - x.mean(axis=0)
        if not len(self.waves):
            return np.zeros(x.shape[1]), np.zeros(x.shape[1])
        amplitude = 2 / len(x) * np.sqrt(((self.waves @ x) ** 2).sum(axis=1).max(axis=0))
        return amplitude, (x**2).mean(axis=0) - amplitude**2 / 2

    def _weights(self, mask: bytes) -> np.ndarray:
        """(n_bad, n_channels) weights of all channels, zero for the bad ones."""
        bad = np.frombuffer(mask, bool)
        rows = np.zeros((len(bad), len(bad)))
        for kind in self.kinds:
            if (kind & ~bad).any():
                rows[np.ix_(kind & bad, kind & ~bad)] = 1 / (kind & ~bad).sum()
        to, source = bad & self.placed, ~bad & self.placed
        if to.any() and source.sum() >= MIN_GOOD:
            rows[to] = 0
            rows[np.ix_(to, source)] = interpolation_matrix(self.directions[source], self.directions[to])
        weights: np.ndarray = rows[bad]
        return weights


def _kind(name: str) -> str:
    """Magnetometers and gradiometers do not measure alike; of a Neuromag pair's names those of the former end in 1."""
    meg = re.fullmatch(r"MEG\s*\d*(\d)", name.strip(), re.IGNORECASE)
    return "eeg" if meg is None else "mag" if meg[1] == "1" else "grad"
