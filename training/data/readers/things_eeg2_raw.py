"""Raw recordings of THINGS-EEG2: one dict a day and subset, with a stimulus channel.

That channel holds a picture's code at one sample, and zero elsewhere.

`raw_eeg_training.npy` is five recordings joined without a mark. Around each seam the signal is cut out, so that neither
filters nor epochs cross it.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.readers.layout import check_here
from training.data.readers.restricted_pickle import is_complete, load_arrays
from training.data.readers.things_pictures import Eeg2Pictures, concept_of_picture
from training.data.readers.trials import OTHER, TEST, TRAIN, Finding, Reading, Session, Trials, make_trials

RAW_FILES = {TRAIN: "raw_eeg_training.npy", TEST: "raw_eeg_test.npy"}
TARGET = 99999
N_JOINED, EVENTS_JOINED = 5, 3360  # recordings in a training file; events of each
AROUND_SEAM_S = 1.0  # kept after the last event before a seam, and before the first one behind it
SHOWINGS = {TRAIN: 2, TEST: 20}  # of a picture a day, at least


def raw_sessions(folders: dict[int, Path], pictures: Eeg2Pictures) -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    """One session for each day and subset of each subject, and what is missing."""
    sessions, findings = list[Session](), list[Finding]()
    for number, folder in folders.items():
        days = {int(path.name[4:]): path for path in sorted(folder.glob("ses-*")) if path.name[4:].isdecimal()}
        if missing := [day for day in range(1, 5) if day not in days]:
            findings.append(
                Finding(
                    f"{folder} lacks day {', '.join(map(str, missing))}", f"figures are of {len(days)} recording days"
                )
            )
        for day, path in days.items():
            for subset, name in RAW_FILES.items():
                file = path / name
                if not file.exists():
                    findings.append(Finding(f"{file} is missing", f"day {day} has no {subset} trials"))
                    continue
                check_here(file, f"it holds the {subset} recording of subject {number}, day {day}")
                if not is_complete(file):
                    raise BadInput(f"{file}: the file is cut short ({file.stat().st_size:,} bytes); download it again.")
                size = file.stat().st_size
                read = partial(_read, file, subset, day, pictures)
                sessions.append(Session(str(file), f"{number:02d}", read, day, subset, None, size, round(1.5 * size)))
    return tuple(sessions), tuple(findings)


def _read(file: Path, subset: str, day: int, pictures: Eeg2Pictures) -> Iterator[Reading]:
    found = load_arrays(file)
    data, ch_names, sfreq = _checked(file, found)
    del found
    stim = ch_names.index("stim")
    rows = np.flatnonzero(data[stim])
    codes = np.rint(data[stim, rows]).astype(np.int64)
    names = pictures.of(subset)
    wrong = ~((codes >= 1) & (codes <= len(names)) | (codes == TARGET))
    if wrong.any():
        raise BadInput(
            f"{file}: stim holds code {codes[wrong][0]} at sample {rows[wrong][0]}, but 1 to {len(names)} or {TARGET} "
            f"is needed in a {subset} recording; the triggers or the file are another's, so download it again."
        )
    shown = np.where(codes == TARGET, 0, codes - 1)
    trials = make_trials(
        rows,
        np.where(codes == TARGET, "", np.array(names)[shown]),
        np.where(codes == TARGET, "", np.array([concept_of_picture(name) for name in names])[shown]),
        np.where(codes == TARGET, OTHER, subset),
        day,
    )
    warnings = _count(file, trials, SHOWINGS[subset], len(names) if subset == TEST else len(names) // 2)
    eeg = np.array([i for i in range(len(ch_names)) if i != stim])
    samples = np.empty((data.shape[1], len(eeg)), np.float32)
    for column, channel in enumerate(eeg):  # channel by channel: no second float64 copy of the whole file
        samples[:, column] = data[channel] * 1e6
    del data
    recording = Recording(samples, sfreq, tuple(ch_names[i] for i in eeg), (), (), str(file), warnings)
    yield without_seams(recording, trials, N_JOINED if subset == TRAIN else 1, EVENTS_JOINED)


def _checked(file: Path, found: object) -> tuple[np.ndarray, list[str], float]:
    """Data (channels, samples) in volts, channel names and rate; BadInput where they do not fit."""
    keys = ("raw_eeg_data", "ch_names", "sfreq")
    if not isinstance(found, dict) or any(key not in found for key in keys):
        there = ", ".join(map(str, found)) if isinstance(found, dict) else type(found).__name__
        raise BadInput(f"{file}: holds {there}, but needs the keys {', '.join(keys)}; download the file again.")
    data, ch_names, sfreq = found["raw_eeg_data"], [str(name) for name in found["ch_names"]], float(found["sfreq"])
    if not isinstance(data, np.ndarray) or data.ndim != 2 or len(data) != len(ch_names):
        raise BadInput(
            f"{file}: raw_eeg_data has shape {getattr(data, 'shape', None)}, but {len(ch_names)} ch_names need "
            f"({len(ch_names)}, samples); download the file again."
        )
    if ch_names.count("stim") != 1 or len(set(ch_names)) != len(ch_names):
        raise BadInput(
            f"{file}: ch_names has {ch_names.count('stim')} channels called stim and {len(set(ch_names))} different "
            f"names of {len(ch_names)}, but one stim and no name twice are needed; download the file again."
        )
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise BadInput(f"{file}: sfreq is {sfreq}, but a rate in Hz above 0 is needed; download the file again.")
    return data, ch_names, sfreq


def _count(file: Path, trials: Trials, least: int, n_pictures: int) -> tuple[str, ...]:
    """Warnings where fewer than `n_pictures` were shown, or some of them fewer than `least` times."""
    names, showings = np.unique(trials.picture[trials.subset != OTHER], return_counts=True)
    if not len(names):
        raise BadInput(f"{file}: stim holds no picture code, but every picture needs one; download the file again.")
    warnings = list[str]()
    if len(names) < n_pictures:
        warnings.append(
            f"{file}: {len(names):,} pictures were shown where {n_pictures:,} are usual; the others are left out."
        )
    few = showings < least
    if few.any():
        warnings.append(
            f"{file}: {int(few.sum()):,} pictures were shown fewer than {least} times, such as {names[few][0]} "
            f"({showings[few][0]}); they are used as they are."
        )
    return tuple(warnings)


def without_seams(recording: Recording, trials: Trials, n_joined: int, events: int) -> Reading:
    """A recording of `n_joined` pieces of `events` events each, with the stretch around every seam taken out.

    Where the events are not as many, the seams are taken to lie in the longest pauses between events.
    """
    rows = trials.row
    if n_joined < 2 or len(rows) <= n_joined:
        return Reading(recording, trials)
    before = np.arange(1, n_joined) * events - 1
    warnings = recording.warnings
    if len(rows) != n_joined * events:
        before = np.sort(np.argsort(np.diff(rows))[-(n_joined - 1) :])
        warnings += (
            f"{recording.name}: {len(rows):,} events where {n_joined * events:,} are usual; the seams of its "
            f"{n_joined} recordings are taken to lie in the longest pauses.",
        )
    keep = np.ones(len(recording.samples), dtype=bool)
    margin = round(AROUND_SEAM_S * recording.sfreq)
    for last, first in zip(rows[before], rows[before + 1], strict=True):
        begin, end = min(last + margin, (last + first) // 2), max(first - margin, (last + first) // 2 + 1)
        keep[begin:end] = False
    at = np.cumsum(keep) - 1
    edges = np.flatnonzero(np.diff(np.r_[True, keep, True].astype(np.int8)))
    gaps = tuple(
        (int(at[end]) if end < len(at) else int(at[-1]) + 1, int(end - begin)) for begin, end in edges.reshape(-1, 2)
    )
    cut = Recording(
        recording.samples[keep],
        recording.sfreq,
        recording.ch_names,
        (),
        gaps,
        recording.name,
        warnings,
        recording.positions_m,
    )
    return Reading(cut, Trials(at[rows], trials.picture, trials.concept, trials.subset, trials.day))
