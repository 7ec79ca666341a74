"""Alljoined-1.6M: the makers' EDF blocks, or the BIDS copy, of the pictures of THINGS-EEG2 seen with an EMOTIV headset.

The events files of the BIDS copy leave the training pictures out. They come from the marker file of the source
recording, whose wall clock is tied to the events by the markers that both hold.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
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
    is_here,
    pointers_among,
    subject_folders,
)
from training.data.readers.things_pictures import concept_of_picture, read_eeg2_pictures
from training.data.readers.trials import (
    OTHER,
    TEST,
    TRAIN,
    Finding,
    PublishedSet,
    Reading,
    Session,
    Trials,
    make_trials,
)

CHANNELS = (
    "Cz FCz AFz Fp1 F5 F1 CP5 CP3 CP1 P1 P3 P5 P7 PO7 PO3 O1 Pz POz Oz O2 PO4 PO8 P8 P6 P4 P2 CP2 CP4 CP6 F2 F6 Fp2"
).split()
KINDS = {"stim_train": TRAIN, "stim_test": TEST, "oddball": OTHER}
N_TRAINING, N_TEST = 16540, 200
CLOCK_S = 0.02  # by which the marker file may miss an event, once its clock is tied
Event = tuple[float, str, int, int]  # onset in seconds, kind, picture, running number


def open_alljoined(root: Path, subjects: Sequence[int] | None) -> PublishedSet:
    """Recognise a folder of Alljoined-1.6M; only the names of files are looked at."""
    check_root(root)
    makers = next(
        (one for one in (root / "raw_eeg", *root.glob("raw_eeg/*"), root) if any(one.glob("sub-*/session_*"))), None
    )
    folder = makers or root
    pattern = "session_*/block_*/*.edf" if makers else "ses-*/eeg/*_eeg.edf"
    folders = {n: path for n, path in subject_folders(folder).items() if any(path.glob(pattern))}
    if not folders:
        raise BadInput(
            f"{root}: root holds no raw_eeg/sub-XX/session_YY/block_ZZ/*.edf and no sub-XX/ses-YY/eeg/*_eeg.edf, but "
            "one of them is needed; correct the path, or download the EDF files (the preprocessed files are not read)."
        )
    names = PictureIds(root)
    findings = list(pointers_among(sorted(folder.glob(f"sub-*/{pattern}")), root))
    sessions = list[Session]()
    for number in choose_subjects(list(folders), subjects, root):
        files = sorted(folders[number].glob(pattern))
        days = {path: _day(path.relative_to(folders[number]).parts[0]) for path in files}
        if left := sorted({path.relative_to(folders[number]).parts[0] for path in files if days[path] is None}):
            findings.append(
                Finding(f"subject {number} has {', '.join(left)}, which was recorded again", "it is left out")
            )
        for path in files:
            if (day := days[path]) is None:
                continue
            check_here(path, f"it is a block of subject {number}, day {day}")
            size = path.stat().st_size
            read = partial(_read_block, path, day, names, None if makers else root)
            sessions.append(Session(str(path), f"{number:02d}", read, day, None, None, size, 6 * size))
    if not makers:
        findings += _missing_labels(sessions, root)
    if not names.known:
        cost = "pictures bear their numbers, and ten in a row are taken for a concept"
        findings.append(Finding("image_metadata.npy of THINGS-EEG2 is not here", cost))
    findings.append(Finding("markers were sent by software to a wireless headset", "onsets jitter by 10 to 20 ms"))
    return PublishedSet(
        "alljoined",
        "EDF blocks of the makers, 256 Hz, 32 EEG channels" if makers else "BIDS copy, EDF, 256 Hz, 32 EEG channels",
        root,
        tuple(sessions),
        tuple(findings),
        names.test_concepts(),
        names.folder,
        days=tuple(sorted({session.day for session in sessions if session.day is not None})),
    )


def _day(name: str) -> int | None:
    """Number of a recording day; None for a folder such as `ses-02old`."""
    match = re.fullmatch(r"(?:ses-|session_)(\d+)", name)
    return int(match[1]) if match else None


class PictureIds:
    """Pictures that Alljoined numbers: 0 to 16539 training, 16540 to 16739 test, in the order of THINGS-EEG2.

    Without `image_metadata.npy` of that set, a picture's name is its number, and ten training pictures in a row share a
    concept.
    """

    def __init__(self, root: Path):
        self.folder = root / "stimuli" if (root / "stimuli").is_dir() else None
        try:
            pictures = read_eeg2_pictures(root)
        except BadInput:
            self.known = False
            numbers = [f"{number:05d}" for number in range(N_TRAINING + N_TEST)]
            self._names = {TRAIN: numbers[:N_TRAINING], TEST: numbers[N_TRAINING:]}
        else:
            self.known, self.folder = True, pictures.folder or self.folder
            self._names = {TRAIN: list(pictures.training), TEST: list(pictures.test)}

    def test_concepts(self) -> frozenset[str]:
        """Concepts of the test pictures."""
        return frozenset(self.find(TEST, N_TRAINING + i, Path())[1] for i in range(len(self._names[TEST])))

    def find(self, kind: str, number: int, where: Path) -> tuple[str, str]:
        """Name and concept of a picture, both "" for an oddball; BadInput for a number outside its subset."""
        if kind == OTHER:
            return "", ""
        names, first = self._names[kind], 0 if kind == TRAIN else N_TRAINING
        if not first <= number < first + len(names):
            raise BadInput(
                f"{where}: picture {number} is marked as {kind}, but {first} to {first + len(names) - 1} are the "
                f"{kind} pictures; the events belong to another recording: download them again."
            )
        name = names[number - first]
        if self.known:
            return name, concept_of_picture(name)
        return name, f"concept {number // 10}" if kind == TRAIN else f"test concept {number}"


def _missing_labels(sessions: Sequence[Session], root: Path) -> list[Finding]:
    without = [session for session in sessions if not is_here(_marker_file(Path(session.name), root))]
    if not without:
        return []
    first = _marker_file(Path(without[0].name), root).relative_to(root)
    cost = "the events files hold no training pictures, so these runs give test trials only"
    return [Finding(f"{len(without)} marker files are not here, the first is {first}", cost)]


def _marker_file(edf: Path, root: Path) -> Path:
    return root / "sourcedata" / edf.relative_to(root).with_name(edf.name.replace("_eeg.edf", "_recording.json"))


def _read_block(edf: Path, day: int, names: PictureIds, bids_root: Path | None) -> Iterator[Reading]:
    recording = read_recording(edf, "mne", pick=CHANNELS)
    recording = replace(recording, ch_names=tuple(CHANNELS))  # raw files write Afz
    if bids_root is None:
        events = [(row / recording.sfreq, *parsed) for row, label in recording.markers if (parsed := _parse(label))]
    else:
        events = read_events(edf.with_name(edf.name.replace("_eeg.edf", "_events.tsv")), recording.sfreq)
        markers = _marker_file(edf, bids_root)
        if is_here(markers):
            events = sorted(events + training_events(markers, events))
    yield Reading(recording, _trials(recording, events, day, names, edf))


def _trials(recording: Recording, events: Sequence[Event], day: int, names: PictureIds, edf: Path) -> Trials:
    shown = [event for event in events if event[1] in KINDS]
    rows = np.rint(np.array([event[0] for event in shown]) * recording.sfreq).astype(np.int64)
    if len(rows) and rows[-1] >= len(recording.samples):
        raise BadInput(
            f"{edf}: ends at {recording.duration_s:.1f} s, but an event is at {shown[-1][0]:.1f} s; the recording is "
            "cut short: download it again."
        )
    kinds = [KINDS[event[1]] for event in shown]
    found = [names.find(kind, event[2], edf) for kind, event in zip(kinds, shown, strict=True)]
    return make_trials(rows, [name for name, _ in found], [concept for _, concept in found], kinds, day)


def _parse(label: str) -> tuple[str, int, int] | None:
    """Kind, picture and running number of a marker such as `stim_test,16641,-1,1`."""
    parts = label.split(",")
    if len(parts) != 4 or not parts[1].isdecimal() or not parts[3].isdecimal():
        return None
    return parts[0], int(parts[1]), int(parts[3])


def read_events(path: Path, sfreq: float) -> list[Event]:
    """The events of a BIDS run; its sample column has to agree with its onsets."""
    check_here(path, "it says which picture was shown when")
    with path.open(encoding="utf-8-sig", newline="") as file:  # these files begin with a byte order mark
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = list[Event]()
    for number, row in enumerate(rows, start=1):
        try:
            onset, sample = float(row["onset"]), int(row["sample"])
            label = row["trial_type"]
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{path}: row {number} lacks onset, sample or trial_type ({error}); download it again."
            ) from error
        if abs(onset * sfreq - sample) > 1:
            raise BadInput(
                f"{path}: row {number} has sample {sample} and onset {onset:g} s, which is sample {onset * sfreq:.0f}, "
                "but the two need to agree; the triggers are shifted: download the file again."
            )
        if parsed := _parse(label):
            found.append((onset, *parsed))
    return found


def training_events(path: Path, events: Sequence[Event]) -> list[Event]:
    """The training pictures of a marker file, their wall clock tied to `events` by the markers that both hold."""
    try:
        markers = json.loads(path.read_text(encoding="utf-8-sig"))["Markers"]
        table = [
            (
                datetime.fromisoformat(one["startDatetime"]).timestamp(),
                one["label"],
                int(one["value"]),
                int(one["index"]),
            )
            for one in markers
            if not one.get("deleted")
        ]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BadInput(f"{path}: not a marker file with `Markers` ({error}); download it again.") from error
    wall = {row[1:]: row[0] for row in table}
    pairs = [(wall[event[1:]], event[0]) for event in events if event[1:] in wall]
    if len(pairs) < 2:
        raise BadInput(
            f"{path}: shares {len(pairs)} markers with the events file, but two or more tie its clock; the two belong "
            "to different runs: download them again."
        )
    first = pairs[0][0]
    clock, onset = np.array(pairs).T
    slope, offset = np.polyfit(clock - first, onset, 1)
    worst = float(np.abs(slope * (clock - first) + offset - onset).max())
    if worst > CLOCK_S or abs(slope - 1) > 0.01:
        raise BadInput(
            f"{path}: its clock misses the events by up to {worst * 1e3:.0f} ms, but {CLOCK_S * 1e3:.0f} ms or less is "
            "needed; the triggers are shifted or of another run: download both files again."
        )
    return [(float(slope * (row[0] - first) + offset), *row[1:]) for row in table if row[1] == "stim_train"]
