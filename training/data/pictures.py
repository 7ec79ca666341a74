"""Recordings whose events are pictures: of a published data set, or of a lab's own experiment."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime.bundle.label_vectors import name_key
from realtime.errors import BadInput
from realtime.recordings.read import read_recording
from realtime.recordings.recording import Recording
from realtime.sensors.montage import match_channels
from training.data.readers.open import open_source
from training.data.readers.own_pictures import PICTURES, open_stimuli, read_stimuli
from training.data.readers.splits import Splitter, make_splitter, readings_of
from training.data.readers.things_pictures import stem_of
from training.data.readers.trials import PublishedSet, Trials
from training.data.schema import DatasetFile, TextTargets
from training.data.split_files import SPLITS, split_files
from training.data.targets import load_targets


def read_file(dataset: DatasetFile, path: Path) -> Recording:
    """One file of a dataset, with the channels that `channels.pick` names, under the names of the file."""
    return read_recording(path, dataset.reader, pick=_pick(dataset), marker_column=dataset.column)


def choose_channels(dataset: DatasetFile, recording: Recording) -> Recording:
    """A recording with channels picked, renamed and dropped as the dataset file says."""
    channels, where = dataset.channels, recording.name
    pick = _pick(dataset)
    names = list(recording.ch_names)
    rename = {name: new for name, new in channels.rename.items() if isinstance(pick, str) or name in pick}
    for at, new in zip(match_channels(list(rename), names, f"{where}: channels.rename"), rename.values(), strict=True):
        names[at] = new
    dropped = set(match_channels(channels.drop, names, f"{where}: channels.drop").tolist())
    picked = (
        range(len(names)) if isinstance(channels.pick, str) else match_channels(channels.pick, names, where).tolist()
    )
    keep = [i for i in picked if i not in dropped]
    if not keep:
        raise BadInput(f"{where}: channels.drop leaves none of {', '.join(names)}; keep at least one.")
    return select_columns(recording, keep, [names[i] for i in keep])


def select_columns(recording: Recording, index: list[int] | np.ndarray, ch_names: list[str]) -> Recording:
    """Some of the channels, under these names."""
    places = None if recording.positions_m is None else recording.positions_m[index]
    return replace(recording, samples=recording.samples[:, index], ch_names=tuple(ch_names), positions_m=places)


def _pick(dataset: DatasetFile) -> str | list[str]:
    """What `channels.pick` says, by the names of the file."""
    old = {new: name for name, new in dataset.channels.rename.items()}
    pick = dataset.channels.pick
    return pick if isinstance(pick, str) else [old.get(name, name) for name in pick]


def open_pictures(dataset: DatasetFile) -> PublishedSet:
    """The sessions of a dataset file whose events are pictures; nothing is read but the names of files.

    A lab's own experiment that lists no files for a split cuts it out of the files of `train`.
    """
    stimuli = None if dataset.stimuli is None else read_stimuli(dataset.resolve("stimuli", dataset.stimuli))
    if dataset.source is None:
        assert stimuli is not None
        listed = {split: split_files(dataset, split) for split in SPLITS}
        unlisted = tuple(split for split in SPLITS if not listed[split])
        files = {
            path: (split, *unlisted) if split == "train" else (split,) for split in SPLITS for path in listed[split]
        }
        return open_stimuli(files, stimuli, lambda path: read_file(dataset, path), dataset.path.parent)
    pick = dataset.channels.pick if dataset.channels.pick == "meg" else "eeg"
    return open_source(dataset.source, dataset.resolve("root", dataset.root or ""), dataset.subjects, pick, stimuli)


def splitter_of(dataset: DatasetFile, published: PublishedSet) -> Splitter:
    """What divides the trials, as the dataset file says; BadInput where a name under `splits` is unknown."""
    try:
        return make_splitter(published, dataset.splits)
    except BadInput as error:
        raise BadInput(f"{dataset.path}: {error}") from error


def read_picture_split(dataset: DatasetFile, split: str) -> Iterator[Recording]:
    """The recordings of one split, one at a time; their markers are the names of the targets."""
    published = open_pictures(dataset)
    label_of = picture_labels(dataset)
    for session, reading, splits in readings_of(published, splitter_of(dataset, published), split):
        chosen = splits == split
        if chosen.any():
            labels = label_of(reading.trials.select(chosen), session.name)
            yield choose_channels(dataset, reading.recording(chosen, labels))


def picture_labels(dataset: DatasetFile) -> Callable[[Trials, str], list[str]]:
    """What finds the target of each trial, by its picture or by its concept; BadInput where the targets lack some."""
    by_key: dict[str, str] = {}
    for name in load_targets(dataset)[0]:
        by_key.setdefault(_key(name), name)
    by_concept_first = isinstance(dataset.targets, TextTargets)

    def find(trials: Trials, where: str) -> list[str]:
        columns = (trials.picture, trials.concept)
        keys = [tuple(map(_key, row)) for row in zip(*(columns[::-1] if by_concept_first else columns), strict=True)]
        found = [by_key.get(first) or by_key.get(second) for first, second in keys]
        labels = [label for label in found if label is not None]
        if len(labels) < len(found):
            missing = sorted({str(trials.picture[i]) for i, label in enumerate(found) if label is None})
            raise BadInput(
                f"{dataset.path}: targets has no row for picture {missing[0]!r}, nor for its concept ({len(missing)} "
                f"pictures of {where}), but each needs one; compute the vectors of all pictures that were shown."
            )
        return labels

    return find


def _key(name: str) -> str:
    """What names are compared by: without folder, file type, case, spaces and underscores."""
    tail = name.replace("\\", "/").rsplit("/", 1)[-1]
    picture = tail.lower().endswith(tuple(PICTURES))
    return name_key(stem_of(tail) if picture else tail)
