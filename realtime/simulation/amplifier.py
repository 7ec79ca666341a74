"""A simulated amplifier: the simulated brain as live LSL streams."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from realtime.simulation.brain import SimulatedBrain
from realtime.simulation.outlet import LiveOutlet, OutletProcess, OutletTotals, SampleBlock, play_blocks


@dataclass(frozen=True)
class Amplifier:
    """The cap, the person and the stream of a simulated amplifier."""

    name: str  # of the signal stream; markers are NAME-markers and carry the label of the picture
    ch_names: tuple[str, ...]
    sfreq: float  # Hz
    label_vectors: np.ndarray  # (n_labels, D)
    labels: tuple[str, ...]
    snr: float = 1.0
    seed: int = 1  # of this session; another one than in training
    seconds: float | None = None  # None: until stopped
    chunk_s: float = 0.02
    wait: bool = True  # hold the first sample until somebody listens


def run_amplifier(amplifier: Amplifier, report: Callable[[str], None], stopped: Callable[[], bool]) -> OutletTotals:
    """Stream in real time; each sample is stamped with the moment it stands for and sent when its chunk is complete."""
    brain = SimulatedBrain(
        amplifier.ch_names, amplifier.sfreq, amplifier.label_vectors, amplifier.labels, amplifier.snr
    )
    outlet = LiveOutlet(amplifier.name, amplifier.sfreq, amplifier.ch_names)
    report("ready")
    try:
        if amplifier.wait:
            report(outlet.wait_for_listeners(stopped))
        return play_blocks(outlet, _blocks(brain, amplifier), stopped)
    finally:
        outlet.close()


def simulated_amplifier(amplifier: Amplifier) -> OutletProcess:
    """A simulated amplifier in a child process, up when this returns; use as a context manager."""
    return OutletProcess(run_amplifier, amplifier)


def _blocks(brain: SimulatedBrain, amplifier: Amplifier) -> Iterator[SampleBlock]:
    state, first = brain.start(amplifier.seed), 0
    end = None if amplifier.seconds is None else round(amplifier.seconds * brain.sfreq)
    while end is None or first < end:
        n_times = max(1, round(amplifier.chunk_s * brain.sfreq))
        samples, markers = brain.step(state, n_times if end is None else min(n_times, end - first))
        yield SampleBlock(first, samples, markers)
        first += len(samples)
