"""Many cheap amplifiers in one process: noise drawn beforehand, pushed in time, each chunk stamped when it is due."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pylsl import local_clock
from scipy.signal import lfilter

from benchmarks.common.timing import percentiles
from realtime.simulation.brain import PINK
from realtime.simulation.outlet import LiveOutlet

NOISE_S = 30.0  # drawn once; every amplifier repeats it from a place of its own
NOISE_UV = 20.0
START_IN_S = 0.5
ONSET_TO_ONSET_S = 1.4
COUNTER = "COUNT"  # the channel that carries the sample's number
CYCLE = 2**23  # the counter starts again here: every number below it is exact in float32


@dataclass(frozen=True)
class NoiseAmplifiers:
    """Streams that differ only in their names; each has a marker stream NAME-markers."""

    names: tuple[str, ...]
    ch_names: tuple[str, ...]
    sfreq: float  # Hz
    labels: tuple[str, ...] = ()  # markers of trials, one every ONSET_TO_ONSET_S
    hop_samples: int = 1  # the streams' starts are spread over so many samples, so that not all decide at once
    counted: bool = False  # a last channel COUNT carries the sample's number
    chunk_samples: int = 1


def run_amplifiers(amplifiers: NoiseAmplifiers, say: Callable[[Any], None], stop: threading.Event) -> dict[str, Any]:
    """Push until stopped, for a WorkerProcess; the samples each sent, and percentiles of how late they were pushed."""
    rng = np.random.default_rng(0)
    sfreq, ch_names = amplifiers.sfreq, amplifiers.ch_names
    noise = pink(rng, round(NOISE_S * sfreq), len(ch_names))
    outlets = [LiveOutlet(name, sfreq, ch_names + (COUNTER,) * amplifiers.counted) for name in amplifiers.names]
    begins = [k * amplifiers.hop_samples // len(outlets) for k in range(len(outlets))]
    places = rng.integers(len(noise), size=len(outlets))
    late_ms: list[float] = []
    onsets = np.full(len(outlets), sfreq)  # samples; the first trial after a second
    say("ready")
    t0, sent, step = local_clock() + START_IN_S, 0, amplifiers.chunk_samples
    try:
        while not stop.is_set():
            last = sent + step - 1
            due = t0 + last / sfreq
            if (wait_s := due - local_clock()) > 0:
                time.sleep(wait_s)
            for k, outlet in enumerate(outlets):
                if sent < begins[k]:
                    continue
                rows = noise[np.arange(places[k] + sent, places[k] + sent + step) % len(noise)]
                if amplifiers.counted:
                    rows = np.hstack([rows, np.arange(sent, sent + step, dtype=np.float32)[:, None] % CYCLE])
                if amplifiers.labels and sent >= onsets[k]:
                    outlet.push_marker(amplifiers.labels[int(rng.integers(len(amplifiers.labels)))], due)
                    onsets[k] += ONSET_TO_ONSET_S * sfreq
                outlet.send(rows, due)
            late_ms.append((local_clock() - due) * 1e3)
            sent += step
    finally:
        for outlet in outlets:
            outlet.close(drain_s=0.0)
    return {"samples": sent, "late_ms": percentiles(late_ms)}


def pink(rng: np.random.Generator, n_times: int, n_channels: int) -> np.ndarray:
    """1/f noise, float32 (n_times, n_channels) microvolts."""
    coloured: np.ndarray = lfilter(*PINK, rng.standard_normal((n_times, n_channels)), axis=0)
    scaled: np.ndarray = NOISE_UV * coloured / coloured.std()
    return scaled.astype(np.float32)
