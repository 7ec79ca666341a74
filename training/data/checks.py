"""Checks of the recordings of a dataset file."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.schema import DatasetFile


def label_counts(recordings: Sequence[Recording]) -> Counter[str]:
    """Trials of each label."""
    return Counter(label for recording in recordings for _, label in recording.markers)


def check_labels(dataset: DatasetFile, splits: Mapping[str, Sequence[Recording]]) -> None:
    """Refuse labels that cannot be learned: with `targets: labels` each needs two trials in `train`.

    Vectors of words, pictures or the simulated amplifier are known without a trial, so there a label may be new.
    """
    if dataset.targets != "labels" or dataset.simulate is not None:
        return
    trained = label_counts(splits["train"])
    for split in ("valid", "test"):
        for label in label_counts(splits.get(split, ())):
            if label not in trained:
                raise BadInput(
                    f"{dataset.path}: files.{split} has label {label!r}, but files.train has no trial of it, and "
                    "targets: labels needs one; move a file to train or remove the label."
                )
    for label in dataset.labels or trained:
        if not trained[label]:
            markers = " or ".join(repr(marker) for marker, its in dataset.markers.items() if its == label)
            raise BadInput(
                f"{dataset.path}: events gives label {label!r} to marker {markers}, but no file of files.train holds "
                "it; correct the marker's name or remove the label."
            )
        if trained[label] < 2:
            raise BadInput(
                f"{dataset.path}: events gives label {label!r} {trained[label]} trials in files.train, but training "
                "needs 2 or more; add recordings or remove the label."
            )


def recordings_digest(recording: Recording) -> str:
    """A digest of a recording's content, whatever its file is called."""
    return hashlib.sha256(recording.samples.tobytes() + repr(recording.markers).encode()).hexdigest()[:16]


def check_rate(dataset: DatasetFile, recording: Recording) -> None:
    """Raise BadInput when the lowpass of the dataset file does not fit below half of the rate of the recording."""
    lowpass_hz = dataset.preprocess.lowpass_hz
    if lowpass_hz >= recording.sfreq / 2:
        raise BadInput(
            f"{dataset.path}: preprocess.lowpass_hz is {lowpass_hz:g}, but {recording.name} at {recording.sfreq:g} Hz "
            f"needs it below {recording.sfreq / 2:g}; lower it."
        )
