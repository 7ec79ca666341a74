"""A small experiment: a rhythm of 10 Hz or of 20 Hz over noise, four electrodes, in npz files with a dataset file."""

from pathlib import Path

import numpy as np
import yaml

CH_NAMES = ("Fz", "Cz", "Pz", "Oz")
SFREQ, WINDOW_S, SPACING_S = 128.0, 1.0, 1.4
MARKERS = {"A": 10.0, "B": 20.0}  # Hz
LABELS = ("slow", "fast")


def write_session(path: Path, seed: int, n_trials: int = 16, sfreq: float = SFREQ, markers: str = "AB") -> Path:
    """Trials in turn, each a second of rhythm that is strongest at the back; microvolts."""
    rng = np.random.default_rng(seed)
    samples = 5 * rng.standard_normal((round((2 + n_trials * SPACING_S) * sfreq), len(CH_NAMES)))
    marks, time = [], np.arange(round(WINDOW_S * sfreq)) / sfreq
    for trial in range(n_trials):
        marker, row = markers[trial % len(markers)], round((1 + trial * SPACING_S) * sfreq)
        wave = np.sin(2 * np.pi * MARKERS.get(marker, 0) * time + rng.uniform(0, 2 * np.pi))
        samples[row : row + len(time)] += 10 * wave[:, None] * np.array([0.2, 0.5, 0.8, 1.0])
        marks.append((str(row), marker))
    np.savez(path, samples=samples, sfreq=sfreq, ch_names=CH_NAMES, markers=marks)
    return path


def write_dataset(folder: Path, **changes: object) -> Path:
    """The dataset file, right but for `changes`."""
    content = {
        "name": "rhythms",
        "files": {"train": ["a.npz", "b.npz"], "valid": ["c.npz"], "test": ["d.npz"]},
        "events": dict(zip(MARKERS, LABELS, strict=True)),
        "window_s": [0.0, WINDOW_S],
    }
    path = folder / "rhythms.yaml"
    path.write_text(yaml.safe_dump(content | changes, sort_keys=False))
    return path


def write_experiment(folder: Path, **changes: object) -> Path:
    """Two sessions to learn from, one to validate on, one to test on, and the dataset file."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate("abcd"):
        write_session(folder / f"{name}.npz", seed)
    return write_dataset(folder, **changes)
