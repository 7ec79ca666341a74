"""A simulated day of an amplifier: chunks of all sizes, trials, lost samples, bursts of NaN, streams that reconnect.

Stamps jitter about a device clock that differs a little from the nominal rate. The true time of every sample is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.common.amplifiers import pink
from realtime.bundle.manifest import Manifest

SEGMENT_S = 20.0  # length of the segments that make up a day
NOISE_S = 120.0  # drawn once; every segment starts at another place in it
JITTER_S = 0.0002  # standard deviation of a stamp
DEVICE_PPM = 30.0  # by how much a sample period of the device is longer than nominal
MAX_CHUNK_S = 4.0
QUIET_S = 3.0  # without an event at either end of a segment
ONSET_TO_ONSET_S = 1.4
GAP_SHARE, NAN_SHARE, CUT_SHARE = 0.04, 0.1, 0.02  # of the segments: lost samples, NaN, the stream lost and reconnected
GAP_S, NAN_S, CUT_S = (0.2, 6.0), (0.02, 1.0), (0.5, 8.0)  # shortest and longest


@dataclass(frozen=True)
class Pull:
    """Samples and markers that one pull of the source gives."""

    first: int  # number of its first sample, including lost ones
    samples: np.ndarray  # (n_times, n_channels) microvolts
    stamps: np.ndarray  # seconds since the day began
    markers: list[tuple[int, str]]  # (sample, label) of the trials that start in it
    reopened: bool = False  # the stream was lost before it

    @property
    def end(self) -> int:
        """Number of the sample after its last one."""
        return self.first + len(self.samples)


@dataclass
class SimulatedDay:
    """Draws the segments one after another; the same seed gives the same day.

    `events` has the numbers drawn so far.
    """

    manifest: Manifest
    seed: int = 0
    events: dict[str, int] = field(default_factory=lambda: {"gaps": 0, "nan_bursts": 0, "reconnects": 0, "trials": 0})

    def time_of(self, sample: int) -> float:
        """True time of a sample, seconds since the day began."""
        return sample * (1 + DEVICE_PPM * 1e-6) / self.manifest.sfreq

    def segments(self, hours: float) -> Iterator[list[Pull]]:
        """The pulls of each segment."""
        rng = np.random.default_rng(self.seed)
        sfreq, n_channels = self.manifest.sfreq, len(self.manifest.ch_names)
        noise = pink(rng, round(NOISE_S * sfreq), n_channels).astype(float)
        n_times, first, onset = round(SEGMENT_S * sfreq), 0, round(sfreq)
        for _ in range(max(1, round(hours * 3600 / SEGMENT_S))):
            samples = noise[(np.arange(n_times) + rng.integers(len(noise))) % len(noise)]
            self._add_nan(rng, samples)
            pulls: list[Pull] = []
            begin, reopened = 0, False
            for end, lost, disconnected in [*self._breaks(rng), (n_times, 0, False)]:
                pulls += self._pulls(rng, samples[begin:end], first, reopened)
                first, begin, reopened = first + end - begin + lost, end, disconnected
            onset = self._add_trials(rng, pulls, onset)
            yield pulls

    def _middle(self) -> tuple[float, float]:
        """Samples of a segment between which events may happen."""
        return QUIET_S * self.manifest.sfreq, (SEGMENT_S - QUIET_S) * self.manifest.sfreq

    def _add_nan(self, rng: np.random.Generator, samples: np.ndarray) -> None:
        """Perhaps a burst of NaN or infinity in some channels of `samples`."""
        if rng.random() < NAN_SHARE:
            begin, n_times = int(rng.uniform(*self._middle())), int(rng.uniform(*NAN_S) * self.manifest.sfreq)
            samples[begin : begin + n_times, rng.random(samples.shape[1]) < 0.3] = rng.choice([np.nan, np.inf])
            self.events["nan_bursts"] += 1

    def _breaks(self, rng: np.random.Generator) -> list[tuple[int, int, bool]]:
        """At most one break: its sample in the segment, samples lost there, whether the stream was disconnected."""
        breaks: list[tuple[int, int, bool]] = []
        for share, length_s, disconnected in ((GAP_SHARE, GAP_S, False), (CUT_SHARE, CUT_S, True)):
            if rng.random() < share and not breaks:
                sample = int(rng.uniform(*self._middle()))
                breaks.append((sample, round(rng.uniform(*length_s) * self.manifest.sfreq), disconnected))
                self.events["reconnects" if disconnected else "gaps"] += 1
        return breaks

    def _pulls(self, rng: np.random.Generator, samples: np.ndarray, first: int, reopened: bool) -> Iterator[Pull]:
        """Unbroken samples, the first of which is number `first`, in chunks of random sizes with jittering stamps."""
        longest, begin = MAX_CHUNK_S * self.manifest.sfreq, 0
        while begin < len(samples):
            rows = samples[begin : begin + int(np.exp(rng.uniform(0, np.log(longest))))]
            taken = self.time_of(0) + (first + begin + np.arange(len(rows))) * (self.time_of(1) - self.time_of(0))
            stamps = taken + JITTER_S * rng.standard_normal(len(rows))
            yield Pull(first + begin, rows, stamps, [], reopened and begin == 0)
            begin += len(rows)

    def _add_trials(self, rng: np.random.Generator, pulls: list[Pull], onset: int) -> int:
        """Markers of the trials from sample `onset` on; the onset of the first trial after these pulls."""
        labels = list(self.manifest.events)
        for pull in pulls:
            while onset < pull.end:
                if onset >= pull.first:  # else it was lost with its samples
                    pull.markers.append((onset, labels[int(rng.integers(len(labels)))]))
                    self.events["trials"] += 1
                onset += round(rng.uniform(0.9, 1.1) * ONSET_TO_ONSET_S * self.manifest.sfreq)
        return onset
