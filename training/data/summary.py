"""The summary of a dataset file and its recordings before training."""

from typing import Any

import numpy as np

from realtime.recordings.recording import Recording
from realtime.sensors.montage import positions
from training.data.checks import label_counts
from training.data.schema import DatasetFile
from training.data.targets import load_targets

PLAUSIBLE_UV = (0.5, 5000.0)  # sd of raw EEG; volts or raw integers read as microvolts lie far outside


def summarise_dataset(dataset: DatasetFile, splits: dict[str, list[Recording]]) -> dict[str, Any]:
    """Findings as plain JSON values, in seconds, Hz and numbers of trials."""
    labels, vectors = load_targets(dataset)
    first = splits["train"][0]
    ch_names = first.ch_names
    placed = np.isfinite(positions(ch_names, first.positions_m)).all(axis=1)
    return {
        "name": dataset.name,
        "labels": list(labels),
        "chance": 1 / len(labels),
        "target_dim": None if vectors is None else vectors.shape[1],
        "window_s": list(dataset.window_s),
        "channels": {
            "matched": [name for name, known in zip(ch_names, placed, strict=True) if known],
            "unmatched": [name for name, known in zip(ch_names, placed, strict=True) if not known],
        },
        "splits": {
            split: {
                "files": len(recordings),
                "trials": label_counts(recordings).total(),
                "events": label_counts(recordings),
            }
            for split, recordings in splits.items()
        },
        "files": [_summarise_file(split, recording, dataset) for split in splits for recording in splits[split]],
    }


def _summarise_file(split: str, recording: Recording, dataset: DatasetFile) -> dict[str, Any]:
    start, end = (round(s * recording.sfreq) for s in dataset.window_s)
    holes = [row for row, _ in recording.gaps]
    broken = sum(
        row + start < 0 or row + end > len(recording.samples) or any(row + start < hole < row + end for hole in holes)
        for row, _ in recording.markers
    )
    sd_uv = float(np.median(recording.samples.std(axis=0)))  # of the median channel, drift included
    implausible = (
        []
        if PLAUSIBLE_UV[0] < sd_uv < PLAUSIBLE_UV[1]
        else [f"{recording.name}: sd {sd_uv:.3g} uV; are these microvolts?"]
    )
    return {
        "split": split,
        "path": recording.name,
        "sfreq": recording.sfreq,
        "duration_s": recording.duration_s,
        "sd_uv": sd_uv,
        "events": label_counts([recording]),
        "broken_trials": broken,  # their window crosses a gap or an end of the recording
        "gaps": [list(gap) for gap in recording.gaps],
        "warnings": [*recording.warnings, *implausible],
    }
