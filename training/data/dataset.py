"""The recordings of a dataset file: channels in one order, labels for markers, no file in two splits."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import ValidationError

from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from realtime.sensors.montage import match_channels
from training.data.checks import check_labels, check_rate
from training.data.pictures import choose_channels, read_file, read_picture_split, select_columns
from training.data.schema import DatasetFile, Simulate
from training.data.schema_errors import describe_error
from training.data.split_files import SPLITS, check_disjoint, split_files
from training.data.targets import load_targets


def load_dataset(path: str | Path) -> DatasetFile:
    """Read and check a dataset file, and that the files it names are there and in one split each.

    Raises BadInput: one sentence naming the file, the key, the value found, what is needed and what to do.
    """
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); check the path of the dataset file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path}: not YAML ({reason}); correct the line it names.") from error
    if not isinstance(raw, dict):
        raise BadInput(f"{path}: holds {type(raw).__name__}, but needs keys: {', '.join(DatasetFile.model_fields)}.")
    try:
        dataset = DatasetFile.model_validate(raw)
    except ValidationError as error:
        raise BadInput(f"{path}: {describe_error(error, raw)}") from None
    dataset = dataset.located(path)
    check_disjoint(dataset)
    return dataset


def load_split(dataset: DatasetFile, split: str, ch_names: Sequence[str] | None = None) -> list[Recording]:
    """The recordings of one split, markers replaced by labels and channels in one order.

    The order is `ch_names` (a bundle's channels, matched by the montage rules), else that of the first training file,
    for every split alike. Raises BadInput, naming file, key and value.
    """
    recordings = _load(dataset, split, ch_names)
    if split == "train" and not recordings:
        raise BadInput(
            f"{dataset.path}: no trial is left to train on, but training needs some; `glimpse data check` says where "
            "they went: change splits, or add subjects."
        )
    if split == "train":
        check_labels(dataset, {split: recordings})
    return recordings


def load_splits(dataset: DatasetFile, ch_names: Sequence[str] | None = None) -> dict[str, list[Recording]]:
    """Every split, and the check that no label of `valid` or `test` is missing in `train`."""
    splits: dict[str, list[Recording]] = {}
    for split in SPLITS:
        splits[split] = _load(dataset, split, ch_names)
        ch_names = ch_names or (splits[split][0].ch_names if splits[split] else None)
    check_labels(dataset, splits)
    return splits


def has_recordings(dataset: DatasetFile, split: str) -> bool:
    """Whether a split is not empty; where events are pictures, sessions are read up to the first trial of the split."""
    if not dataset.shows_pictures:
        return bool(getattr(dataset.files, split))
    return next(_read_split(dataset, split), None) is not None


def _load(dataset: DatasetFile, split: str, ch_names: Sequence[str] | None) -> list[Recording]:
    recordings = [_labelled(dataset, recording) for recording in _read_split(dataset, split)]
    if recordings and ch_names is None:
        first = recordings[0] if split == "train" else next(_read_split(dataset, "train"), recordings[0])
        ch_names = first.ch_names
    recordings = [_ordered(recording, ch_names or ()) for recording in recordings]
    for recording in recordings:
        check_rate(dataset, recording)
        if not isinstance(dataset.preprocess.reference, str):
            match_channels(dataset.preprocess.reference, recording.ch_names, f"{recording.name}: preprocess.reference")
    return recordings


def _read_split(dataset: DatasetFile, split: str) -> Iterator[Recording]:
    """Recordings with channels picked, renamed and dropped, one at a time."""
    if dataset.simulate is not None:
        yield from _simulated(dataset, dataset.simulate, split)
    elif dataset.shows_pictures:
        yield from read_picture_split(dataset, split)
    else:
        for path in split_files(dataset, split):
            yield choose_channels(dataset, read_file(dataset, path))


def _simulated(dataset: DatasetFile, spec: Simulate, split: str) -> Iterator[Recording]:
    from realtime.simulation.brain import SimulatedBrain  # loads liblsl, which no recording needs
    from realtime.simulation.brain import simulate as play

    labels, vectors = load_targets(dataset, dataset.labels or None)
    assert vectors is not None
    brain = SimulatedBrain(spec.ch_names, spec.sfreq, vectors, labels, spec.snr)
    for seed in getattr(dataset.files, split):
        samples, markers = play(brain, seed, spec.minutes * 60)
        yield Recording(samples, spec.sfreq, spec.ch_names, tuple(markers), (), f"simulated session {seed}")


def _labelled(dataset: DatasetFile, recording: Recording) -> Recording:
    label_of = dataset.markers
    if not label_of:  # markers of the simulated amplifier, and of pictures, are labels already
        return recording
    markers = tuple((row, label_of[marker]) for row, marker in recording.markers if marker in label_of)
    if not markers:
        most_common = Counter(marker for _, marker in recording.markers).most_common(8)
        content = ", ".join(f"{marker!r} ({n})" for marker, n in most_common) or "no markers at all"
        raise BadInput(
            f"{recording.name}: found no event of {', '.join(map(repr, label_of))}, which {dataset.path} lists under "
            f"events; the recording has {content}; correct events."
        )
    return replace(recording, markers=markers)


def _ordered(recording: Recording, ch_names: Sequence[str]) -> Recording:
    return select_columns(recording, match_channels(ch_names, recording.ch_names, recording.name), list(ch_names))
