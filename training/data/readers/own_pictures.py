"""A lab's own picture experiment: every marker that names a picture is an event, and the picture is its target.

Pictures stand in a folder, whose subfolders are concepts, or in a table with the columns `marker`, `file` and
`concept`.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from realtime.recordings.recording import Recording
from training.data.readers.layout import is_here, recording_bytes
from training.data.readers.things_pictures import concept_of_picture, stem_of
from training.data.readers.trials import TRAIN, PublishedSet, Reading, Session, make_trials

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"}


@dataclass(frozen=True)
class Stimulus:
    """A picture that was shown."""

    name: str  # without folder and file type, unless two pictures share that
    concept: str
    file: Path | None


@dataclass(frozen=True)
class StimulusList:
    """The pictures of an experiment, by the markers that name them."""

    path: Path
    by_marker: dict[str, Stimulus]

    def find(self, marker: str) -> Stimulus | None:
        """The picture that a marker or the `stim_file` of an event names, by its path, its file name or its stem."""
        text = normalise_marker(marker).replace("\\", "/")
        tail = text.rsplit("/", 1)[-1]
        return next((self.by_marker[key] for key in (text, tail, stem_of(tail)) if key in self.by_marker), None)


def read_stimuli(path: Path) -> StimulusList:
    """The pictures of a folder or of a table; BadInput, naming file and row, where they cannot be used."""
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise BadInput(f"{path}: stimuli needs a folder of pictures or a table, but there is none; correct the path.")
    return _from_table(path)


def _from_folder(folder: Path) -> StimulusList:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files:
        kinds = ", ".join(sorted(PICTURES))
        raise BadInput(f"{folder}: stimuli holds no picture, but {kinds} files are needed; correct the path.")
    shared = {stem for stem, count in Counter(path.stem for path in files).items() if count > 1}
    by_marker: dict[str, Stimulus] = {}
    for file in files:
        relative = file.relative_to(folder).as_posix()
        longer = relative.rsplit(".", 1)[0]
        deep = "/" in relative
        concept = relative.split("/", 1)[0] if deep else concept_of_picture(file.stem)
        name = longer if file.stem in shared else file.stem
        stimulus = Stimulus(name, concept, file)
        keys = {relative, longer} if file.stem in shared else {relative, longer, file.name, file.stem}
        by_marker |= {normalise_marker(key): stimulus for key in keys}
    return StimulusList(folder, by_marker)


def _from_table(path: Path) -> StimulusList:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({error}); save the table as UTF-8 text.") from error
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t" if "\t" in text.partition("\n")[0] else ","))
    if not rows or "file" not in rows[0]:
        there = ", ".join(rows[0]) if rows else "nothing"
        raise BadInput(f"{path}: its columns are {there}, but `file` is needed, and `marker` and `concept` may follow.")
    by_marker: dict[str, Stimulus] = {}
    for number, row in enumerate(rows, start=2):
        name = (row["file"] or "").strip().replace("\\", "/")
        marker = normalise_marker(row.get("marker") or stem_of(name))
        concept = (row.get("concept") or "").strip() or (
            name.split("/")[-2] if "/" in name else concept_of_picture(stem_of(name))
        )
        if not name or not marker:
            raise BadInput(f"{path}: line {number} has no file, but each row needs one; complete or remove it.")
        if marker in by_marker and by_marker[marker].name != stem_of(name):
            raise BadInput(
                f"{path}: line {number} has marker {marker!r} a second time, but it can name one picture only."
            )
        by_marker[marker] = Stimulus(stem_of(name), concept, path.parent / name)
    absent = sorted({str(one.file) for one in by_marker.values() if one.file and not is_here(one.file)})
    if absent:
        raise BadInput(
            f"{path}: file {absent[0]} is not here ({len(absent)} of {len(by_marker)} pictures), but each is needed; "
            "correct the column `file` or copy the pictures."
        )
    return StimulusList(path, by_marker)


def open_stimuli(
    recordings: Mapping[Path, tuple[str, ...]],
    stimuli: StimulusList,
    read: Callable[[Path], Recording],
    root: Path,
) -> PublishedSet:
    """The recordings of an experiment whose markers name pictures, each with the splits that it may be used for."""
    sessions = tuple(
        Session(
            str(path),
            path.stem,
            partial(_read, path, read, stimuli),
            None,
            TRAIN,
            splits,
            recording_bytes(path),
            4 * recording_bytes(path),
        )
        for path, splits in recordings.items()
    )
    folder = stimuli.path if stimuli.path.is_dir() else stimuli.path.parent
    return PublishedSet("stimuli", "recordings whose markers name pictures", root, sessions, pictures=folder)


def _read(path: Path, read: Callable[[Path], Recording], stimuli: StimulusList) -> Iterator[Reading]:
    recording = read(path)
    found = [(row, stimulus) for row, marker in recording.markers if (stimulus := stimuli.find(marker))]
    if not found:
        there = Counter(marker for _, marker in recording.markers).most_common(5)
        markers = ", ".join(f"{marker!r} ({count})" for marker, count in there) or "no markers"
        known = ", ".join(list(stimuli.by_marker)[:3])
        raise BadInput(
            f"{path}: no marker names a picture of {stimuli.path} (such as {known}); the recording has {markers}; "
            "give stimuli a table with the columns marker, file and concept."
        )
    trials = make_trials(
        [row for row, _ in found],
        [stimulus.name for _, stimulus in found],
        [stimulus.concept for _, stimulus in found],
        TRAIN,
        np.ones(len(found), np.int64),
    )
    yield Reading(recording, trials)
