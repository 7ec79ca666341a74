"""Any EEG or MEG data set in BIDS whose events name pictures: `events.tsv` with a column `stim_file`.

mne-bids finds the recordings and applies `channels.tsv` and `electrodes.tsv`; onsets are seconds.
"""

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.read import checked_recording
from realtime.recordings.recording import Recording
from training.data.readers.layout import check_here, check_root, is_pointer, recording_bytes
from training.data.readers.own_pictures import StimulusList
from training.data.readers.things_pictures import concept_of_picture, picture_files, stem_of
from training.data.readers.trials import TRAIN, Finding, PublishedSet, Reading, Session, Trials, make_trials

if TYPE_CHECKING:
    import mne_bids

EXTENSIONS = [".vhdr", ".edf", ".bdf", ".set", ".fif", ".ds", ".cnt"]
SCALE = {"eeg": 1e6, "mag": 1e15, "grad": 1e13}
CONCEPT_COLUMNS = ("concept", "object", "category")
HEAD_M = (0.04, 0.25)  # median distance of electrodes from their centre, metres; others are in another unit than stated
NOTHING = ("", "n/a", "N/A")


def open_bids(
    root: Path, subjects: Sequence[int | str] | None, pick: str = "eeg", stimuli: StimulusList | None = None
) -> PublishedSet:
    """Recognise a BIDS folder; `stimuli` gives the concepts, which else follow from the events."""
    check_root(root)
    if not (root / "dataset_description.json").is_file():
        raise BadInput(f"{root}: dataset_description.json is missing, but every BIDS folder has one; correct the path.")
    paths = _recordings(root, subjects, "meg" if pick == "meg" else "eeg")
    days = {name: number for number, name in enumerate(sorted({path.session or "" for path in paths}), start=1)}
    sessions, findings = list[Session](), list[Finding]()
    for path in paths:
        file = Path(path.fpath)
        companions = (file, *(file.with_suffix(suffix) for suffix in (".eeg", ".fdt")))
        if pointer := next(filter(is_pointer, companions), None):
            what = f"{pointer.relative_to(root)} was not downloaded"
            findings.append(Finding(what, "the recording is left out; `datalad get` it"))
            continue
        events = path.find_matching_sidecar(suffix="events", extension=".tsv", on_error="ignore")
        if events is None or "stim_file" not in _columns(Path(events)):
            findings.append(Finding(f"{file.relative_to(root)} has no events with stim_file", "it is left out"))
            continue
        read = partial(_read, path, Path(events), days[path.session or ""], pick, stimuli)
        size = recording_bytes(file)
        sessions.append(Session(str(file), path.subject, read, days[path.session or ""], TRAIN, None, size, 4 * size))
    if not sessions:
        found = f"{len(paths)} recordings, none that can be used ({findings[0].what})" if paths else "no recording"
        raise BadInput(
            f"{root}: holds {found}, but needs {pick.upper()} recordings whose events.tsv has a column stim_file, "
            "which says what picture was shown; download them or add it."
        )
    pictures = root / "stimuli" if (root / "stimuli").is_dir() else None
    if not picture_files(pictures):
        findings.append(
            Finding("the folder stimuli/ holds no pictures", "image vectors cannot be computed; name a file of them")
        )
    separate = tuple(days.values()) if len(days) > 1 else ()
    return PublishedSet(
        "bids",
        f"BIDS, {len(sessions)} recordings",
        root,
        tuple(sessions),
        tuple(findings),
        pictures=pictures,
        days=separate,
    )


def _recordings(root: Path, subjects: Sequence[int | str] | None, kind: str) -> list["mne_bids.BIDSPath"]:
    try:
        import mne_bids
    except ImportError as error:
        raise BadInput(
            "source: bids needs the package mne-bids, which is not installed; install glimpse[train]."
        ) from error
    listed = sorted(mne_bids.get_entity_vals(root, "subject", ignore_subjects=(), verbose="error"))
    chosen = listed if subjects is None else [_subject(one, listed, root) for one in subjects]
    return list(
        mne_bids.find_matching_paths(
            root, subjects=chosen, datatypes=kind, suffixes=kind, extensions=EXTENSIONS, check=True
        )
    )


def _subject(subject: int | str, listed: Sequence[str], root: Path) -> str:
    """Name of a subject: `4` is `004` where that is there."""
    text = str(subject).removeprefix("sub-")
    fits = [
        name for name in listed if name == text or (name.isdecimal() and text.isdecimal() and int(name) == int(text))
    ]
    if len(fits) != 1:
        raise BadInput(
            f"{root}: subjects has {subject!r}, but the folder holds {', '.join(listed) or 'none'}; correct the name."
        )
    return fits[0]


def _columns(events: Path) -> list[str]:
    with events.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, delimiter="\t"), [])


def _read(
    path: "mne_bids.BIDSPath", events: Path, day: int, pick: str, stimuli: StimulusList | None
) -> Iterator[Reading]:
    import mne_bids

    from realtime.recordings.read_mne import sensor_positions  # loads MNE, which other sources do not need

    file = Path(path.fpath)
    check_here(file, "it holds the signal")
    try:
        raw = mne_bids.read_raw_bids(path, verbose="error")
        kinds = raw.get_channel_types()
        types = {"mag", "grad"} if pick == "meg" else {"eeg"}
        keep = np.array(
            [i for i, kind in enumerate(kinds) if kind in types and raw.ch_names[i] not in raw.info["bads"]]
        )
        if not len(keep):
            raise BadInput(
                f"{file}: has channels of type {', '.join(sorted(set(kinds)))}, but {pick} is picked; correct "
                "channels.pick or the column type of channels.tsv."
            )
        samples = raw.get_data(picks=keep).T * [SCALE[kinds[i]] for i in keep]
    except BadInput:
        raise
    except Exception as error:  # every format has its parser, and each raises its own kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(
            f"{file}: cannot be read as BIDS ({reason}); correct what it names or download it again."
        ) from error
    places, warnings = _positions(sensor_positions(raw.info, keep), pick, file)
    names = tuple(raw.ch_names[i] for i in keep)
    recording = Recording(samples, float(raw.info["sfreq"]), names, (), (), str(file), warnings, places)
    trials = read_events(events, recording.sfreq, day, stimuli)
    if len(trials) and trials.row[-1] >= len(samples):
        raise BadInput(
            f"{file}: ends at {recording.duration_s:.1f} s, but {events.name} has an event at "
            f"{trials.row[-1] / recording.sfreq:.1f} s; the recording is cut short or the onsets are no seconds."
        )
    yield Reading(checked_recording(recording, finite=True), trials)


def _positions(places: np.ndarray | None, pick: str, file: Path) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Positions that can be a head's; electrodes.tsv may be in another unit than coordsystem.json says."""
    if places is None or pick == "meg":
        return places, ()
    known = places[np.isfinite(places).all(axis=1)]
    size = float(np.median(np.linalg.norm(known - known.mean(axis=0), axis=1))) if len(known) else 0.0
    if HEAD_M[0] <= size <= HEAD_M[1]:
        return places, ()
    return None, (
        f"{file}: its electrodes lie {size * 1e3:.3g} mm from their centre, which no head's do; they are placed by "
        "their names: correct the unit in coordsystem.json.",
    )


def read_events(events: Path, sfreq: float, day: int, stimuli: StimulusList | None) -> Trials:
    """The events that name a picture."""
    with events.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = list[tuple[int, str, str]]()
    for number, row in enumerate(rows, start=1):
        shown = (row.get("stim_file") or "").strip()
        if shown in NOTHING:
            continue
        try:
            at = round(float(row["onset"]) * sfreq)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{events}: row {number} has no onset in seconds ({error}); correct it.") from error
        found.append((at, *_picture(shown, row, stimuli, events, number)))
    found.sort()
    return make_trials([one[0] for one in found], [one[1] for one in found], [one[2] for one in found], TRAIN, day)


def _picture(
    shown: str, row: dict[str, str], stimuli: StimulusList | None, events: Path, number: int
) -> tuple[str, str]:
    """Name and concept of a picture."""
    if stimuli is not None:
        if (stimulus := stimuli.find(shown)) is None:
            raise BadInput(
                f"{events}: row {number} shows {shown!r}, which is not among the pictures of {stimuli.path}; add it."
            )
        return stimulus.name, stimulus.concept
    column = next((name for name in CONCEPT_COLUMNS if row.get(name, "") not in NOTHING), None)
    folders = shown.replace("\\", "/").split("/")[:-1]
    concept = row[column] if column else folders[-1] if folders else concept_of_picture(stem_of(shown))
    return stem_of(shown), concept
