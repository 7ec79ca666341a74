"""The zero-shot task: a simulated person sees concepts with real CLIP vectors, some of them only in the test.

The test is retrieval from the vectors of all test concepts; splits.py divides the concepts.
Every session shows each of its concepts equally often.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from realtime.bundle.label_vectors import read_label_vectors
from realtime.decoding.frontend import Frontend
from realtime.errors import BadInput
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from realtime.recordings.recording import Recording
from realtime.simulation.brain import FIRST_ONSET_S, JITTER_S, ONSET_TO_ONSET_S, SimulatedBrain
from training.data.segments import Segment, preprocess_recording

# The occipital and parietal electrodes of THINGS-EEG2 (Gifford et al., NeuroImage 2022).
CHANNELS = ("P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2").split()
SFREQ = 250.0  # Hz
WINDOW_S = (0.0, 1.0)  # that decoders classify, from onset
HOP_SAMPLES = 5  # 25 decisions a second
SESSION_TRIALS = 2000  # at most, unless there are more concepts: 47 minutes
NEVER = (2**62, 0)  # the onset after the last


@dataclass(frozen=True)
class ConceptSession:
    """A simulated recording and the concepts seen in it."""

    samples: np.ndarray  # float32 (n_times, n_channels) microvolts
    onsets: np.ndarray  # int64 (n_trials,): rows of `samples`
    labels: np.ndarray  # int64 (n_trials,): rows of the vectors


def lvis_vectors(data: Path) -> np.ndarray:
    """Unit vectors (1203, 512) that OpenAI's CLIP ViT-B/32 gives the names of LVIS; `data` is GLIMPSE_DATA."""
    folder = data / "clip" / "detic_vitb32_text"
    vectors = read_label_vectors(folder / "lvis_text.npy", folder / "lvis_names.tsv").vectors.astype(np.float64)
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def concept_vectors() -> np.ndarray:
    """`lvis_vectors` from the folder that the environment variable GLIMPSE_DATA names; BadInput where it is not set."""
    if not (folder := os.environ.get("GLIMPSE_DATA")):
        raise BadInput(
            "--zero-shot: the environment variable GLIMPSE_DATA is not set; set it to the folder that holds the CLIP "
            "vectors or add --no-zero-shot"
        )
    return lvis_vectors(Path(folder))


def default_frontend() -> Frontend:
    """Glimpse's own preprocessing, the same for all methods: 1-40 Hz, 125 Hz, running scale.

    Without an average reference: over 17 neighbours it removes some of the evoked activity, 5 points of the ceiling.
    """
    config = PreprocessConfig(sfreq=125.0, reference="none")
    return Frontend(Preprocess(config, tuple(CHANNELS), SFREQ), HOP_SAMPLES, WINDOW_S[1])


def simulate_sessions(
    brain: SimulatedBrain, concepts: np.ndarray, n_repeats: int, seed: tuple[int, ...]
) -> Iterator[ConceptSession]:
    """Sessions that show each of `concepts` equally often, `n_repeats` times in all, in random order."""
    shows = max(1, SESSION_TRIALS // len(concepts))
    for number, first in enumerate(range(0, n_repeats, shows)):
        rng = np.random.default_rng((*seed, number))
        labels = np.concatenate([rng.permutation(concepts) for _ in range(min(shows, n_repeats - first))])
        steps = ONSET_TO_ONSET_S + rng.uniform(-JITTER_S, JITTER_S, len(labels))
        onsets = np.round((FIRST_ONSET_S + np.cumsum(steps)) * brain.sfreq).astype(np.int64)
        yield ConceptSession(simulate_session(brain, int(rng.integers(2**31)), 2.0, onsets, labels), onsets, labels)


def simulate_session(
    brain: SimulatedBrain,
    seed: int,
    seconds: float,
    onsets: Sequence[int] | np.ndarray = (),
    labels: Sequence[int] | np.ndarray = (),
) -> np.ndarray:
    """Samples while `labels` are seen at `onsets`, and `seconds` more; only noise without onsets.

    float32 (n_times, n_channels) microvolts.
    """
    state = brain.start(seed)
    state.trials = chain(zip(onsets, labels, strict=True), repeat(NEVER))
    state.next_onset = next(state.trials)
    last = int(onsets[-1]) if len(onsets) else 0
    return brain.step(state, last + round(seconds * brain.sfreq))[0]


def preprocess_session(session: ConceptSession, concepts: np.ndarray, front: Frontend) -> list[Segment]:
    """Preprocessed segments of a session; a label is the index of its row among `concepts`."""
    names = [str(row) for row in concepts]
    markers = tuple((int(onset), str(row)) for onset, row in zip(session.onsets, session.labels, strict=True))
    return preprocess_recording(
        Recording(session.samples, SFREQ, tuple(CHANNELS), markers, (), "simulation"), front, names
    )
