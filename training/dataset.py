"""The recordings a dataset file names: channels in one order, markers turned into labels, no file in two splits."""

import glob
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from pydantic import ValidationError

from realtime.errors import BadInput
from realtime.files.recording import Recording, read_recording
from realtime.montage import match
from training.dataset_faults import explain
from training.dataset_schema import DatasetFile, Simulate
from training.targets import load_targets

SPLITS = ("train", "valid", "test")
# Formats whose named file is only a header: two recordings may share it, so the data beside it counts too.
COMPANIONS = {".vhdr": (".eeg", ".dat"), ".set": (".fdt",)}


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
        raise BadInput(f"{path}: {explain(error, raw)}") from None
    dataset._path = path
    _check_apart(dataset)
    return dataset


def paths(dataset: DatasetFile, split: str) -> tuple[Path, ...]:
    """The files of a split, globs in the order written, each file once."""
    found: dict[Path, Path] = {}
    spelled_out: set[Path] = set()  # named without a glob: a second time is a slip
    for entry in getattr(dataset.files, split):
        if isinstance(entry, int):
            continue
        pattern = dataset.resolve(f"files.{split}", entry)
        names = (
            [pattern] if pattern.exists() else [Path(name) for name in sorted(glob.glob(str(pattern), recursive=True))]
        )
        if not names:
            raise BadInput(
                f"{dataset.path}: files.{split} names {entry!r}, but there is no such file at {pattern}; correct the "
                "name or get the recording."
            )
        for name in names:
            if pattern.exists() and name.resolve() in spelled_out:
                raise BadInput(f"{dataset.path}: files.{split} names {entry!r} twice; take one out or correct it.")
            found.setdefault(name.resolve(), name)
        spelled_out |= {pattern.resolve()} if pattern.exists() else set()
    return tuple(found.values())


def load_split(dataset: DatasetFile, split: str, ch_names: Sequence[str] | None = None) -> list[Recording]:
    """The recordings of one split, markers replaced by labels and channels in one order.

    The order is `ch_names` (a bundle's channels, matched by the montage rules), else that of the first training file,
    for every split alike. Raises BadInput, naming file, key and value.
    """
    recordings = _load(dataset, split, ch_names)
    if split == "train":
        check_labels(dataset, {split: recordings})
    return recordings


def load_splits(dataset: DatasetFile, ch_names: Sequence[str] | None = None) -> dict[str, list[Recording]]:
    """Every split, and the check that no label comes up in `valid` or `test` that training never saw."""
    splits: dict[str, list[Recording]] = {}
    for split in SPLITS:
        splits[split] = _load(dataset, split, ch_names)
        ch_names = ch_names or splits["train"][0].ch_names
    check_labels(dataset, splits)
    return splits


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
                    "targets: labels needs one; move a file to train or take the label out of events."
                )
    for label in dataset.labels or trained:
        if not trained[label]:
            named = " or ".join(repr(marker) for marker, its in dataset.markers.items() if its == label)
            raise BadInput(
                f"{dataset.path}: events gives label {label!r} to marker {named}, but no file of files.train holds it; "
                "correct the marker's name or take the label out."
            )
        if trained[label] < 2:
            raise BadInput(
                f"{dataset.path}: events gives label {label!r} {trained[label]} trials in files.train, but training "
                "needs 2 or more; add recordings or take the label out."
            )


def _load(dataset: DatasetFile, split: str, ch_names: Sequence[str] | None) -> list[Recording]:
    recordings = [_labelled(dataset, recording) for recording in _read_split(dataset, split)]
    if recordings and ch_names is None:
        ch_names = recordings[0].ch_names if split == "train" else next(_read_split(dataset, "train")).ch_names
    recordings = [_ordered(recording, ch_names or ()) for recording in recordings]
    for recording in recordings:
        _check_rate(dataset, recording)
        if not isinstance(dataset.preprocess.reference, str):
            match(dataset.preprocess.reference, recording.ch_names, f"{recording.name}: preprocess.reference")
    return recordings


def digest(recording: Recording) -> str:
    """What tells a recording from every other, whatever its file is called."""
    return hashlib.sha256(recording.samples.tobytes() + repr(recording.markers).encode()).hexdigest()[:16]


def _read_split(dataset: DatasetFile, split: str) -> Iterator[Recording]:
    """Recordings with channels picked, renamed and dropped, one at a time."""
    if dataset.simulate is not None:
        yield from _simulated(dataset, dataset.simulate, split)
        return
    channels = dataset.channels
    old = {new: name for name, new in channels.rename.items()}
    pick = channels.pick if isinstance(channels.pick, str) else [old.get(name, name) for name in channels.pick]
    rename = {name: new for name, new in channels.rename.items() if isinstance(pick, str) or name in pick}
    for path in paths(dataset, split):
        recording = read_recording(path, dataset.reader, pick=pick, marker_column=dataset.column)
        names = list(recording.ch_names)
        for at, new in zip(match(list(rename), names, f"{path}: channels.rename"), rename.values(), strict=True):
            names[at] = new
        dropped = set(match(channels.drop, names, f"{path}: channels.drop").tolist())
        keep = [i for i in range(len(names)) if i not in dropped]
        if not keep:
            raise BadInput(f"{path}: channels.drop leaves none of {', '.join(names)}; keep at least one.")
        yield _columns(recording, keep, [names[i] for i in keep])


def _simulated(dataset: DatasetFile, spec: Simulate, split: str) -> Iterator[Recording]:
    from realtime.sources.simulator import SimulatedBrain  # loads liblsl, which no recording needs
    from realtime.sources.simulator import simulate as play

    labels, vectors = load_targets(dataset, dataset.labels or None)
    assert vectors is not None
    brain = SimulatedBrain(spec.ch_names, spec.sfreq, vectors, labels, spec.snr)
    for seed in getattr(dataset.files, split):
        samples, markers = play(brain, seed, spec.minutes * 60)
        yield Recording(samples, spec.sfreq, spec.ch_names, tuple(markers), (), f"simulated session {seed}")


def _labelled(dataset: DatasetFile, recording: Recording) -> Recording:
    label_of = dataset.markers
    if not label_of:  # the simulated amplifier's markers are labels already
        return recording
    markers = tuple((row, label_of[marker]) for row, marker in recording.markers if marker in label_of)
    if not markers:
        there = Counter(marker for _, marker in recording.markers).most_common(8)
        found = ", ".join(f"{marker!r} ({n})" for marker, n in there) or "no markers at all"
        raise BadInput(
            f"{recording.name}: found no event of {', '.join(map(repr, label_of))}, which {dataset.path} lists under "
            f"events; the recording has {found}; correct events."
        )
    return replace(recording, markers=markers)


def _ordered(recording: Recording, ch_names: Sequence[str]) -> Recording:
    return _columns(recording, match(ch_names, recording.ch_names, recording.name), ch_names)


def _columns(recording: Recording, index: Sequence[int] | np.ndarray, ch_names: Sequence[str]) -> Recording:
    """Some of the channels, under these names."""
    places = None if recording.positions_m is None else recording.positions_m[index]
    return replace(recording, samples=recording.samples[:, index], ch_names=tuple(ch_names), positions_m=places)


def _check_rate(dataset: DatasetFile, recording: Recording) -> None:
    lowpass_hz = dataset.preprocess.lowpass_hz
    if lowpass_hz >= recording.sfreq / 2:
        raise BadInput(
            f"{dataset.path}: preprocess.lowpass_hz is {lowpass_hz:g}, but {recording.name} at {recording.sfreq:g} Hz "
            f"needs it below {recording.sfreq / 2:g}; lower it."
        )


def _check_apart(dataset: DatasetFile) -> None:
    """Refuse a recording in two splits, under whatever name: what was learned by heart would count as decoded."""
    entries: list[tuple[str, Path | int]] = [(split, path) for split in SPLITS for path in paths(dataset, split)]
    entries += [(split, seed) for split in SPLITS for seed in getattr(dataset.files, split) if isinstance(seed, int)]
    sizes = Counter(entry.stat().st_size for _, entry in entries if isinstance(entry, Path))
    first: dict[object, tuple[str, Path | int]] = {}
    for split, entry in entries:
        same: list[object] = [entry]
        if isinstance(entry, Path):
            same = [entry.resolve()]
            if entry.is_file() and sizes[entry.stat().st_size] > 1:  # only files of one size are worth reading through
                same.append(_digest(entry))
        for key in same:
            other, twin = first.setdefault(key, (split, entry))
            if other != split:
                raise BadInput(
                    f"{dataset.path}: files.{split} holds {entry} and files.{other} holds {twin}, which are the same "
                    "recording, but a recording needs to be in one split only; remove one."
                )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    beside = [path.with_suffix(suffix) for suffix in COMPANIONS.get(path.suffix.lower(), ())]
    for part in [path, *(p for p in beside if p.is_file())]:
        with part.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
