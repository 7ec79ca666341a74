"""THINGS-EEG1 (Grootswagers et al. 2022, OpenNeuro ds003825): BrainVision recordings of a 10 Hz picture stream.

Onsets of the events file are samples at 1 kHz, against the rule of BIDS, and are read as such. The one recording of a
subject is one day; its blocks, one exemplar of each concept a block, stand for days.
"""

import csv
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.read import read_recording
from realtime.recordings.recording import Recording
from training.data.readers.layout import (
    check_here,
    check_root,
    choose_subjects,
    folder_bytes,
    is_here,
    pointers_among,
    subject_folders,
)
from training.data.readers.splits import published_test_concepts
from training.data.readers.things_pictures import concept_of_picture, stem_of
from training.data.readers.trials import TEST, TRAIN, Finding, PublishedSet, Reading, Session, Trials, make_trials

OFF = {
    1: "has no validation pictures",
    6: "stopped early",
    18: "has poor channels",
    23: "had trouble with the monitor",
    49: "was recorded with another set-up",
    50: "was recorded with another set-up",
}
N_CHANNELS = 63
N_BLOCKS = 12
ONSETS_HZ = 1000  # of the column `onset`
SHIFT_S, SHIFT_SHARE = 0.5, 0.9  # markers of the recording that far from the events, and how many of them: shifted
NEEDED = ("onset", "stim", "blocksequencenumber")


def open_things_eeg1(root: Path, subjects: Sequence[int] | None) -> PublishedSet:
    """Recognise a folder of THINGS-EEG1; only the names of files are looked at."""
    check_root(root)
    folders = {n: path for n, path in subject_folders(root).items() if any(path.glob("eeg/*_task-rsvp_*"))}
    if not folders:
        raise BadInput(
            f"{root}: root holds no sub-XX/eeg/sub-XX_task-rsvp_eeg.vhdr, but the folder of OpenNeuro ds003825 is "
            "needed; correct the path."
        )
    findings = list(pointers_among(sorted(root.glob("sub-*/eeg/*_task-rsvp_*")), root))
    sessions = []
    for number in choose_subjects(list(folders), subjects, root, tuple(OFF)):
        vhdr = folders[number] / "eeg" / f"sub-{number:02d}_task-rsvp_eeg.vhdr"
        events = vhdr.with_name(f"sub-{number:02d}_task-rsvp_events.tsv")
        parts = [vhdr, vhdr.with_suffix(".eeg"), vhdr.with_suffix(".vmrk"), events]
        if subjects is None and not all(map(is_here, parts)):
            missing = next(path.name for path in parts if not is_here(path))
            findings.append(Finding(f"{missing} is not here", f"subject {number} is left out"))
            continue
        for path in parts:
            check_here(path, f"it is needed to read subject {number}")
        size = sum(map(folder_bytes, parts))
        sessions.append(
            Session(str(vhdr), f"{number:02d}", partial(_read, vhdr, events), None, None, None, size, 6 * size)
        )
    for number, why in OFF.items():
        if number in folders and subjects is None:
            findings.append(Finding(f"subject {number} {why}", "it is left out; name it under subjects to use it"))
    findings.append(
        Finding("a subject has one recording day", "with separate days, validation is of the last of 12 blocks")
    )
    if not (root / "stimuli").is_dir():
        findings.append(Finding("the pictures are not here", "image vectors cannot be computed; name a file of them"))
    return PublishedSet(
        "things-eeg1",
        "BrainVision recordings, 1000 Hz, 63 EEG channels, events in milliseconds",
        root,
        tuple(sessions),
        tuple(findings),
        published_test_concepts("things-eeg1"),
        root / "stimuli" if (root / "stimuli").is_dir() else None,
        days=tuple(range(1, N_BLOCKS + 1)),
    )


def _read(vhdr: Path, events: Path) -> Iterator[Reading]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # markers outside a cut file; its end is checked against the events below
        recording = read_recording(vhdr, "mne")
    if recording.samples.shape[1] < N_CHANNELS:
        raise BadInput(
            f"{vhdr}: holds {recording.samples.shape[1]} EEG channels, but {N_CHANNELS} are needed; the file is not "
            "the published one, so download it again."
        )
    trials = read_events(events, recording.sfreq)
    if len(trials) and trials.row[-1] >= len(recording.samples):
        raise BadInput(
            f"{vhdr}: ends at {recording.duration_s:.1f} s, but {events.name} has an event at "
            f"{trials.row[-1] / recording.sfreq:.1f} s; the recording is cut short: download it again."
        )
    _check_shift(recording, trials, events)
    yield Reading(recording, trials)


def read_events(events: Path, sfreq: float) -> Trials:
    """The pictures of an events file, at samples of a recording of `sfreq` Hz."""
    try:
        with events.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{events}: cannot be read ({error}); download it again.") from error
    if missing := [key for key in NEEDED if not rows or key not in rows[0]]:
        there = ", ".join(rows[0]) if rows else "nothing"
        raise BadInput(f"{events}: column {missing[0]!r} is missing among {there}; download the file again.")
    try:
        onset = np.array([float(row["onset"]) for row in rows])
        block = np.array([int(row["blocksequencenumber"]) for row in rows])
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{events}: a row has no number where one is needed ({error}); download the file again."
        ) from error
    if (np.diff(onset) <= 0).any():
        at = int(np.flatnonzero(np.diff(onset) <= 0)[0]) + 1
        raise BadInput(f"{events}: onset falls to {onset[at]:g} in row {at + 1}, but needs to grow; download it again.")
    picture = [stem_of(row["stim"]) for row in rows]
    test = np.array([row.get("isteststim") == "1" for row in rows])
    day = np.where(test, N_BLOCKS, block + 1)  # the validation pictures follow the last block
    return make_trials(
        np.rint(onset / ONSETS_HZ * sfreq),
        picture,
        [concept_of_picture(name) for name in picture],
        np.where(test, TEST, TRAIN),
        day,
    )


def _check_shift(recording: Recording, trials: Trials, events: Path) -> None:
    """BadInput where nearly all events lie by one and the same time away from a marker of the recording."""
    markers = np.array([row for row, _ in recording.markers])
    if len(markers) < len(trials):
        return
    after = np.clip(np.searchsorted(markers, trials.row), 1, len(markers) - 1)
    before = trials.row - markers[after - 1] < markers[after] - trials.row
    offset = markers[after - before.astype(np.int64)] - trials.row
    values, totals = np.unique(offset, return_counts=True)
    shift, share = int(values[totals.argmax()]), totals.max() / len(trials)
    if 2 < abs(shift) <= SHIFT_S * recording.sfreq and share >= SHIFT_SHARE:
        raise BadInput(
            f"{events}: {share:.0%} of the events lie {shift} samples from the markers of {Path(recording.name).name}, "
            "but 0 is needed; the triggers are shifted: use the events file that belongs to the recording."
        )
