"""THINGS-MEG (Hebart et al. 2023, OpenNeuro ds004212): raw CTF runs, or the epochs that its authors derived."""

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.read import checked_recording
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
from training.data.readers.trials import (
    BLOCK_EPOCHS,
    OTHER,
    TEST,
    TRAIN,
    Epochs,
    Finding,
    PublishedSet,
    Reading,
    Session,
    Trials,
    make_trials,
)

if TYPE_CHECKING:
    import mne

SUBJECT = r"sub-BIGMEG(\d+)"
DAYS, RUNS = 12, 10
N_SENSORS = 271
DROPPED = "MRO11-1609"  # a broken sensor, left out by the authors
CATCH = 999999
EPOCHS_A_DAY = 2254
PARTS = ("", "-1", "-2", "-3")  # of the epoched file
PARTS_OF = {"exp": TRAIN, "test": TEST, "catch": OTHER}


def open_things_meg(root: Path, subjects: Sequence[int] | None) -> PublishedSet:
    """Recognise a folder of THINGS-MEG: raw runs where they are here, else the epoched derivatives."""
    check_root(root)
    _check_version(root)
    raw = {n: path for n, path in subject_folders(root, SUBJECT).items() if any(path.glob("ses-*/meg/*_meg.ds"))}
    epoched = {
        int(match[1]): path
        for path in sorted((root / "derivatives" / "preprocessed").glob("preprocessed_P*-epo.fif"))
        if (match := re.fullmatch(r"preprocessed_P(\d+)-epo\.fif", path.name))
    }
    if not raw and not epoched:
        raise BadInput(
            f"{root}: root holds no sub-BIGMEG1/ses-01/meg/*_meg.ds and no "
            "derivatives/preprocessed/preprocessed_P1-epo.fif, but one of them is needed; "
            "correct the path or download OpenNeuro ds004212."
        )
    chosen = choose_subjects(sorted(raw or epoched), subjects, root)
    names = PictureNumbers(root)
    sessions, findings = _raw_sessions(raw, chosen, names) if raw else _epoched_sessions(epoched, chosen, names)
    findings += pointers_among(sorted(root.glob("derivatives/preprocessed/*.fif")), root)
    return PublishedSet(
        "things-meg",
        "CTF recordings, 1200 Hz, 271 sensors"
        if raw
        else "epochs of the authors, 200 Hz, 271 sensors, z-scored on their baselines",
        root,
        sessions,
        findings,
        published_test_concepts("things-meg"),
        in_time=bool(raw),
        days=tuple(range(1, DAYS + 1)) if not raw else tuple(sorted({s.day for s in sessions if s.day is not None})),
    )


def _check_version(root: Path) -> None:
    """Refuse versions whose onsets are 150 ms late."""
    changes = root / "CHANGES"
    if not changes.is_file():
        return
    newest = max(
        (int(n) for n in re.findall(r"^(\d+)\.\d+\.\d+", changes.read_text(encoding="utf-8"), re.M)), default=2
    )
    if newest < 2:
        raise BadInput(
            f"{changes}: names version {newest} as the newest, but 2.0.0 or later is needed: earlier onsets are about "
            "150 ms late; download the current version."
        )


class PictureNumbers:
    """Names of the pictures that THINGS-MEG numbers 1 to 26,107, read when first needed."""

    def __init__(self, root: Path):
        self.root = root
        self._names: dict[int, str] | None = None

    def names(self) -> dict[int, str]:
        """Picture number to name, from the trial tables under `sourcedata`, or from `image_paths.csv`."""
        if self._names is None:
            self._names = self._from_tables() or self._from_list()
        if not self._names:
            raise BadInput(
                f"{self.root}: neither sourcedata/sample_attributes_P1.csv nor image_paths.csv is here, but one is "
                "needed: they name the pictures; download it (ds004212, or OSF jum2f)."
            )
        return self._names

    def _from_tables(self) -> dict[int, str]:
        names: dict[int, str] = {}
        for table in sorted((self.root / "sourcedata").glob("sample_attributes_P*.csv")):
            with table.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    number = row.get("things_image_nr") or ""
                    if row.get("image_path") and number.partition(".")[0].isdecimal():
                        names[int(float(number))] = stem_of(row["image_path"])
        return names

    def _from_list(self) -> dict[int, str]:
        path = self.root / "image_paths.csv"
        if not path.is_file():
            return {}
        lines = path.read_text(encoding="utf-8-sig").split()
        return {number: stem_of(line) for number, line in enumerate(lines, start=1)}


def _raw_sessions(
    folders: dict[int, Path], chosen: Sequence[int], names: PictureNumbers
) -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    sessions, findings = list[Session](), list[Finding]()
    for number in chosen:
        runs = 0
        for ds in sorted(folders[number].glob("ses-[0-9]*/meg/*_meg.ds")):
            events = ds.with_name(ds.name.replace("_meg.ds", "_events.tsv"))
            if not is_here(events):
                findings.append(Finding(f"{events} is not here", "the run is left out"))
                continue
            size = folder_bytes(ds)
            day = int(re.sub(r"\D", "", ds.parent.parent.name))
            read = partial(_read_run, ds, events, day, names)
            sessions.append(Session(str(ds), f"{number:02d}", read, day, None, None, size, 3 * size))
            runs += 1
        if runs < DAYS * RUNS:
            findings.append(Finding(f"subject {number} has {runs} of {DAYS * RUNS} runs", "figures are of those only"))
    return tuple(sessions), tuple(findings)


def _read_run(ds: Path, events: Path, day: int, names: PictureNumbers) -> Iterator[Reading]:
    import mne

    from realtime.recordings.read_mne import sensor_positions

    try:
        raw = mne.io.read_raw_ctf(ds, preload=False, verbose="error")
        keep = np.array(
            [i for i in mne.pick_types(raw.info, meg=True, ref_meg=False) if not raw.ch_names[i].startswith(DROPPED)]
        )
        if len(keep) != N_SENSORS:
            raise BadInput(
                f"{ds}: holds {len(keep)} sensors without {DROPPED}, but {N_SENSORS} are needed; the run is another "
                "machine's or damaged, so download it again."
            )
        samples = (raw.get_data(picks=keep).T * 1e15).astype(np.float32)
    except BadInput:
        raise
    except Exception as error:  # the parser raises what its first broken field meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{ds}: cannot be read as a CTF recording ({reason}); download the run again.") from error
    ch_names = tuple(raw.ch_names[i].partition("-")[0] for i in keep)
    sfreq = float(raw.info["sfreq"])
    recording = Recording(samples, sfreq, ch_names, (), (), str(ds), (), sensor_positions(raw.info, keep))
    trials = read_events(events, sfreq, day, names)
    if len(trials) and trials.row[-1] >= len(samples):
        raise BadInput(
            f"{ds}: ends at {recording.duration_s:.1f} s, but {events.name} has an event at "
            f"{trials.row[-1] / sfreq:.1f} s; the run is cut short: download it again."
        )
    yield Reading(checked_recording(recording, finite=True), trials)


def read_events(events: Path, sfreq: float, day: int, names: PictureNumbers) -> Trials:
    """The pictures of a run at the samples of the optical sensor; catch trials belong to neither subset."""
    with events.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if missing := [key for key in ("onset", "trial_type", "value", "sample") if not rows or key not in rows[0]]:
        raise BadInput(f"{events}: column {missing[0]!r} is missing; download the file again.")
    sample = np.array([int(float(row["sample"])) for row in rows])
    onset = np.array([float(row["onset"]) for row in rows]) * sfreq
    if (np.abs(onset - sample) > 1).any():
        at = int(np.argmax(np.abs(onset - sample) > 1))
        raise BadInput(
            f"{events}: row {at + 1} has sample {sample[at]} and onset {onset[at] / sfreq:g} s, which is sample "
            f"{onset[at]:.0f}, but the two need to agree; the triggers are shifted: download the file again."
        )
    kinds = [PARTS_OF.get(row["trial_type"], OTHER) for row in rows]
    numbers = [0 if kind == OTHER else int(float(row["value"])) for kind, row in zip(kinds, rows, strict=True)]
    return _trials(sample, numbers, kinds, day, names, str(events))


def _trials(
    row: np.ndarray,
    numbers: Sequence[int],
    kinds: Sequence[str],
    day: np.ndarray | int,
    names: PictureNumbers,
    name: str,
) -> Trials:
    known = names.names()
    if unknown := sorted({number for number in numbers if number and number not in known}):
        raise BadInput(
            f"{name}: picture {unknown[0]} is in no table of {names.root} ({len(unknown)} such), but each needs a "
            "name; download sourcedata/sample_attributes_P1.csv to P4 or image_paths.csv."
        )
    picture = [known[number] if number else "" for number in numbers]
    return make_trials(row, picture, [concept_of_picture(one) for one in picture], kinds, day)


def _epoched_sessions(
    files: dict[int, Path], chosen: Sequence[int], names: PictureNumbers
) -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    sessions = []
    for number in chosen:
        parts = [files[number].with_name(f"preprocessed_P{number}-epo{suffix}.fif") for suffix in PARTS]
        for piece in parts:
            check_here(piece, "the four parts of the epochs are read as one")
        size = sum(map(folder_bytes, parts))
        read = partial(_read_epoched, files[number], names)
        sessions.append(Session(str(files[number]), f"{number:02d}", read, None, None, None, size, size // len(parts)))
    findings = (
        Finding("each epoch was z-scored on its own baseline", "amplitudes are gone, and live data has another scale"),
        Finding("the epochs have no place in time", "training trials near a validation trial are not recognised"),
    )
    return tuple(sessions), findings


def _read_epoched(file: Path, names: PictureNumbers) -> Iterator[Reading]:
    import mne

    from realtime.recordings.read_mne import sensor_positions

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, about the code of MNE
            epochs = mne.read_epochs(file, preload=False, verbose="error")
    except Exception as error:  # a missing or cut file raises whatever its first damaged tag meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{file}: cannot be read as epochs ({reason}); download its four parts again.") from error
    keep = np.array([i for i, name in enumerate(epochs.ch_names) if not name.startswith(DROPPED)])
    if len(epochs.ch_names) != N_SENSORS or len(keep) != N_SENSORS:
        raise BadInput(
            f"{file}: holds {len(epochs.ch_names)} channels, but {N_SENSORS} without {DROPPED} are needed; use the "
            "file of the publisher."
        )
    codes = epochs.events[:, 2]
    types = _column(epochs, "trial_type")
    kinds = _parts(codes) if types is None else [PARTS_OF.get(str(kind), OTHER) for kind in types]
    days = _column(epochs, "session_nr")
    day = np.arange(len(codes)) // EPOCHS_A_DAY + 1 if days is None else np.array([int(str(one)) for one in days])
    numbers = [0 if kind == OTHER else int(code) for kind, code in zip(kinds, codes, strict=True)]
    trials = _trials(np.arange(len(codes)), numbers, kinds, day, names, str(file))
    onset = int(round(-float(epochs.tmin) * float(epochs.info["sfreq"])))
    places = sensor_positions(epochs.info, keep)
    ch_names = tuple(name.partition("-")[0] for name in epochs.ch_names)
    for first in range(0, len(codes), BLOCK_EPOCHS):
        block = trials.select(np.arange(first, min(first + BLOCK_EPOCHS, len(codes))))
        data = epochs[first : first + BLOCK_EPOCHS].get_data(verbose="error").astype(np.float32)
        piece = Epochs(data, float(epochs.info["sfreq"]), onset, ch_names, str(file), (), places)
        yield Reading(piece, make_trials(np.arange(len(block)), block.picture, block.concept, block.subset, block.day))


def _column(epochs: "mne.BaseEpochs", name: str) -> list[object] | None:
    """A column of the trial table in the file, which is a data frame where pandas is installed; None without it."""
    table = epochs.metadata
    if table is None or not len(table):
        return None
    if hasattr(table, "columns"):
        return list(table[name]) if name in table.columns else None
    return [row[name] for row in table] if name in table[0] else None


def _parts(codes: np.ndarray) -> list[str]:
    """Part of each epoch by its picture: one that recurs is a test picture."""
    numbers, showings = np.unique(codes, return_counts=True)
    recurring = set(numbers[showings > 1].tolist())
    return [OTHER if code == CATCH else TEST if code in recurring else TRAIN for code in codes.tolist()]
