"""A simulated day at an amplifier: chunks of all sizes, trials, lost samples, bursts of NaN, streams that come back.

Stamps jitter about a device clock that is not quite the nominal rate; the truth about every sample is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.common.amplifiers import pink
from realtime.bundle.manifest import Manifest

STRETCH_S = 20.0  # a day is told in stretches of so much stream
NOISE_S = 120.0  # drawn once; every stretch begins somewhere else in it
JITTER_S = 0.0002  # standard deviation of a stamp
DEVICE_PPM = 30.0  # by how much a sample of the device takes longer than it says
LONGEST_CHUNK_S = 4.0
QUIET_S = 3.0  # nothing happens so close to the ends of a stretch
ONSET_TO_ONSET_S = 1.4
GAP_SHARE, NAN_SHARE, CUT_SHARE = 0.04, 0.1, 0.02  # of the stretches: samples lost, NaN, the stream gone and back
GAP_S, NAN_S, CUT_S = (0.2, 6.0), (0.02, 1.0), (0.5, 8.0)  # how long


@dataclass(frozen=True)
class Pull:
    """What one pull of the source gives."""

    first: int  # true number of its first sample, lost ones counted
    samples: np.ndarray  # (n_times, n_channels) microvolts
    stamps: np.ndarray  # seconds since the day began
    markers: list[tuple[int, str]]  # (sample, label) of the trials that begin in it
    reopened: bool = False  # the stream was gone before it

    @property
    def end(self) -> int:
        """Number of the sample after its last."""
        return self.first + len(self.samples)


@dataclass
class SimulatedDay:
    """Draws the stretches, one after the other; the seed decides all."""

    manifest: Manifest
    seed: int = 0
    told: dict[str, int] = field(default_factory=lambda: {"gaps": 0, "nan_bursts": 0, "reconnects": 0, "trials": 0})

    def time_of(self, sample: int) -> float:
        """When a sample was taken, seconds since the day began."""
        return sample * (1 + DEVICE_PPM * 1e-6) / self.manifest.sfreq

    def stretches(self, hours: float) -> Iterator[list[Pull]]:
        """The pieces of each stretch."""
        rng = np.random.default_rng(self.seed)
        sfreq, n_channels = self.manifest.sfreq, len(self.manifest.ch_names)
        noise = pink(rng, round(NOISE_S * sfreq), n_channels).astype(float)
        n_times, first, onset = round(STRETCH_S * sfreq), 0, sfreq
        for _ in range(max(1, round(hours * 3600 / STRETCH_S))):
            samples = noise.take(np.arange(n_times) + rng.integers(len(noise)), axis=0, mode="wrap")
            middle = QUIET_S * sfreq, (STRETCH_S - QUIET_S) * sfreq
            if rng.random() < NAN_SHARE:
                at, long = int(rng.uniform(*middle)), int(rng.uniform(*NAN_S) * sfreq)
                samples[at : at + long, rng.random(n_channels) < 0.3] = rng.choice([np.nan, np.inf])
                self.told["nan_bursts"] += 1
            breaks: list[tuple[int, int, bool]] = []  # (place, samples lost there, whether the stream was gone)
            for share, lasts_s, gone in ((GAP_SHARE, GAP_S, False), (CUT_SHARE, CUT_S, True)):
                if rng.random() < share and not breaks:
                    breaks.append((int(rng.uniform(*middle)), round(rng.uniform(*lasts_s) * sfreq), gone))
                    self.told["reconnects" if gone else "gaps"] += 1
            pieces: list[Pull] = []
            begin, reopened = 0, False
            for place, lost, gone in [*breaks, (n_times, 0, False)]:
                pieces += self._cut(rng, samples[begin:place], first, reopened)
                first, begin, reopened = first + place - begin + lost, place, gone
            for piece in pieces:
                while onset < piece.end:
                    if onset >= piece.first:  # else it was lost with its samples
                        label = list(self.manifest.events)[int(rng.integers(len(self.manifest.events)))]
                        piece.markers.append((int(onset), label))
                        self.told["trials"] += 1
                    onset = int(onset) + round(rng.uniform(0.9, 1.1) * ONSET_TO_ONSET_S * sfreq)
            yield pieces

    def _cut(self, rng: np.random.Generator, samples: np.ndarray, first: int, reopened: bool) -> Iterator[Pull]:
        longest, at = LONGEST_CHUNK_S * self.manifest.sfreq, 0
        while at < len(samples):
            rows = samples[at : at + int(np.exp(rng.uniform(0, np.log(longest))))]
            taken = self.time_of(0) + (first + at + np.arange(len(rows))) * (self.time_of(1) - self.time_of(0))
            stamps = taken + JITTER_S * rng.standard_normal(len(rows))
            yield Pull(first + at, rows, stamps, [], reopened and at == 0)
            at += len(rows)
