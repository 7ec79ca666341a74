"""Finds channels that are bad right now: not finite, flat, railed, line noise or noise.

Thresholds were set on recordings of eegmmidb and four Muse data sets (64 and 5 channels, 160 and 256 Hz), in which no
channel is flagged.
"""

import re
from collections.abc import Sequence

import numpy as np

REASONS = ("good", "held", "not finite", "flat", "railed", "line noise", "noise")
GOOD, HELD, NOT_FINITE, FLAT, RAILED, LINE, NOISE = range(len(REASONS))  # HELD: a few samples that are not finite

BLOCK_S, N_BLOCKS = 0.1, 3  # the last three blocks are examined
MIN_CHANNELS_LINE = 4  # of one kind, for a comparison of lines among them
MIN_CHANNELS_NOISE = 8  # for a comparison of noise: the few electrodes of a headband differ too much
NOT_FINITE_SHARE = 0.25  # of the samples examined; fewer repeat the last good value
FLAT_UV = 0.1  # peak to peak; good channels have 5 and more in 0.1 s
RAIL_SHARE, RAIL_SPAN_UV, RAIL_NEAR = 0.25, 200.0, 1e-4  # samples at the segment's extreme; minimum span; of the span
LINE_HZ = (50.0, 60.0)
REFERENCE_QUANTILE = 0.25  # of the channels, for comparisons: half of them may be bad at once
LINE_UV, LINE_OVER_REST, LINE_OVER_OTHERS = 150.0, 3.0, 10.0  # amplitude; power ratio; amplitude ratio
NOISE_UV, NOISE_OVER_OTHERS = 60.0, 12.0  # mean step from sample to sample; ratio (good: 68 microvolts, 5.6)
# The same without a comparison, as when the ground comes off and every channel is noise. The share of a line is
# subtracted, since a notch removes it (good: 62; an open electrode: 208 and more).
NOISE_ALONE_UV = 120.0


class BadChannelFinder:
    """Flags channels by their last `N_BLOCKS` blocks; `kinds` (n_channels,) are those of `channel_kind`."""

    def __init__(self, kinds: Sequence[str], sfreq: float, block: int):
        names = np.array(kinds)
        self.noise_uv = np.where(names == "eeg", NOISE_ALONE_UV, np.inf)
        self.kinds = [names == kind for kind in dict.fromkeys(kinds)]
        self.n_samples = N_BLOCKS * block
        t = np.arange(self.n_samples) / sfreq
        # A line this close to half the rate cannot be distinguished from its mirror image.
        waves = [2 * np.pi * hz * t for hz in LINE_HZ if hz < 0.45 * sfreq]
        self.line_step = 4 / np.pi * np.sin(np.pi * min(max(LINE_HZ) / sfreq, 0.5))  # mean, of a line of amplitude 1
        self.waves = np.array([[np.cos(wave), np.sin(wave)] for wave in waves]).reshape(-1, 2, len(t))

    def not_finite(self, holes: np.ndarray) -> np.ndarray:
        """Reason of each channel, NOT_FINITE or GOOD, from `holes` (n, n_channels): samples not finite per block."""
        return np.where(holes.sum(axis=0) > NOT_FINITE_SHARE * self.n_samples, NOT_FINITE, GOOD)

    def find(self, recent: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray:
        """Reason of each channel, int (n_channels,) into REASONS.

        `recent` (N_BLOCKS, block, n_channels) are the last blocks, `high` and `low` (n_channels,) the extremes of the
        segment, in microvolts.
        """
        x = recent.reshape(-1, recent.shape[2])
        top, bottom = x.max(axis=0), x.min(axis=0)
        flat, span = top - bottom <= FLAT_UV, high - low
        near = RAIL_NEAR * span
        railed = (span >= RAIL_SPAN_UV) & ((top >= high - near) | (bottom <= low + near))
        if railed.any():
            share = np.maximum((x >= high - near).mean(axis=0), (x <= low + near).mean(axis=0))
            railed &= (share >= RAIL_SHARE) & ~(flat & (x[-1] == 0))  # exactly zero is no rail
        reason = np.where(railed, RAILED, np.where(flat, FLAT, GOOD))
        # No line and no noise is larger than the span; most blocks end here.
        if not (top - bottom > min(NOISE_UV, LINE_UV / 2)).any():
            return reason
        step = np.abs(np.diff(recent, axis=1)).mean(axis=1).min(axis=0)  # a single jump is in one block only
        line, rest = self._line(x)
        noisy, lined = step > NOISE_UV, (line > LINE_UV) & (line**2 / 2 > LINE_OVER_REST * rest)
        noisy_alone = step**2 - (self.line_step * line) ** 2 > self.noise_uv**2
        for kind in self.kinds:
            if (noisy | lined)[kind].any():
                n = kind.sum()
                usual_step, usual_line = (np.quantile(x[kind], REFERENCE_QUANTILE) for x in (step, line))
                noisy[kind] &= (n >= MIN_CHANNELS_NOISE) & (step[kind] > NOISE_OVER_OTHERS * usual_step)
                lined[kind] &= (n >= MIN_CHANNELS_LINE) & (line[kind] > LINE_OVER_OTHERS * usual_line)
        return np.where(reason > 0, reason, np.where(lined, LINE, np.where(noisy | noisy_alone, NOISE, GOOD)))

    def _line(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Amplitude of the stronger line frequency, and the power of everything else, per channel."""
        x = x - x.mean(axis=0)
        if not len(self.waves):
            return np.zeros(x.shape[1]), np.zeros(x.shape[1])
        amplitude = 2 / len(x) * np.sqrt(((self.waves @ x) ** 2).sum(axis=1).max(axis=0))
        return amplitude, (x**2).mean(axis=0) - amplitude**2 / 2


def channel_kind(name: str) -> str:
    """`mag` or `grad` for MEG channels, else `eeg`; the names of a Neuromag magnetometer end in 1."""
    meg = re.fullmatch(r"MEG\s*\d*(\d)", name.strip(), re.IGNORECASE)
    return "eeg" if meg is None else "mag" if meg[1] == "1" else "grad"
