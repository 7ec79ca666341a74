"""THINGS-EEG2 (Gifford et al. 2022): which container a folder holds, and its epoched files.

Epoched files are dicts, inside an npy file or as a bare pickle. Their repetitions were shuffled by a public seed, which
tells the recording day of a test repetition, and of a training repetition as far as days 1 and 2 against 3 and 4.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from training.data.readers.layout import check_here, check_root, choose_subjects, pointers_among, subject_folders
from training.data.readers.restricted_pickle import is_bare_pickle, is_complete, load_arrays
from training.data.readers.things_eeg2_npz import open_npz
from training.data.readers.things_eeg2_raw import RAW_FILES, raw_sessions
from training.data.readers.things_pictures import Eeg2Pictures, concept_of_picture, read_eeg2_pictures
from training.data.readers.trials import (
    TEST,
    TRAIN,
    Epochs,
    Finding,
    PublishedSet,
    Reading,
    Session,
    epoch_blocks,
    make_trials,
    onset_row_of,
)

FOLDERS = (
    "",
    "raw_data",
    "Raw_data",
    "eeg_dataset/raw_data",
    "preprocessed_data",
    "eeg_dataset/preprocessed_data",
    "Preprocessed_data",
    "Preprocessed_data_250Hz",
)
EPOCHED_FILES = {TRAIN: "preprocessed_eeg_training.npy", TEST: "preprocessed_eeg_test.npy"}
OTHER_FILES = {  # containers that are recognised and not read
    "train.pt": "the `.pt` files of Uncertainty-aware-Blur-Prior",
    "train.npy": "the plain arrays of NeuroBridge, without channel names",
}
REPETITIONS = {TRAIN: 4, TEST: 80}
# Recording day of file positions 0..79 of a test picture: sklearn.utils.shuffle with seed 20200220.
TEST_DAYS = "44233244321432231224113131433211432141241421433343244113232121231314144342242123"
TRAIN_DAYS = (4, 2, 4, 2)  # latest possible day of positions 0..3: positions 1 and 3 are day 1 or 2, the others 3 or 4
DAY_TABLE = "train_days_and_order.npz"  # `days` (subjects, concepts, 2): the two days on which a concept was shown


def open_things_eeg2(root: Path, subjects: Sequence[int] | None) -> PublishedSet:
    """Recognise a folder of THINGS-EEG2, or one npz file of test trials; nothing large is read."""
    if root.is_file():
        return open_npz(root, subjects)
    check_root(root)
    folder, kind = _container(root)
    pictures = read_eeg2_pictures(folder)
    folders = subject_folders(folder)
    chosen = choose_subjects(list(folders), subjects, folder)
    paths = [path for number in chosen for path in sorted(folders[number].rglob("*.npy"))]
    findings = pointers_among(paths, root)
    if pictures.folder is None:
        findings += (Finding("the pictures are not here", "image vectors cannot be computed; name a file of them"),)
    if kind == "raw":
        sessions, more = raw_sessions({number: folders[number] for number in chosen}, pictures)
        layout = "raw recordings, 1000 Hz, 63 EEG channels and the stimulus channel"
    else:
        sessions, more = _epoched_sessions({number: folders[number] for number in chosen}, pictures, folder)
        bare = any(is_bare_pickle(Path(session.name)) for session in sessions)
        form = "bare pickles, as NICE and ATM write them" if bare else "dicts in npy files, as the authors publish them"
        layout = f"epochs that were preprocessed and whitened by the publisher ({form})"
    return PublishedSet(
        "things-eeg2",
        layout,
        root,
        sessions,
        findings + more,
        frozenset(map(concept_of_picture, pictures.test)),
        pictures.folder,
        in_time=kind == "raw",
        days=(1, 2, 3, 4) if kind != "raw" else tuple(sorted({s.day for s in sessions if s.day is not None})),
    )


def _container(root: Path) -> tuple[Path, str]:
    """The folder that holds the subjects, and `raw` or `epoched`."""
    found: dict[Path, str] = {}
    for folder in dict.fromkeys(root / place for place in FOLDERS):
        if any(folder.glob("sub-*/ses-*/raw_eeg_*.npy")):
            found[folder.resolve()] = "raw"
        elif any(folder.glob("sub-*/preprocessed_eeg_*.npy")):
            found[folder.resolve()] = "epoched"
    if len(found) > 1:
        names = " and ".join(str(folder) for folder in found)
        raise BadInput(f"{root}: root holds several containers, but one is needed; set root to one of {names}.")
    if found:
        return next(iter(found.items()))
    for name, kind in OTHER_FILES.items():
        if any(root.rglob(f"sub-*/{name}")):
            raise BadInput(
                f"{root}: root holds {kind}, which are not read, but raw files or `preprocessed_eeg_training.npy` are "
                "needed; download those (OSF 3jk45)."
            )
    raise BadInput(
        f"{root}: root holds no sub-XX/ses-YY/{RAW_FILES[TRAIN]} and no sub-XX/{EPOCHED_FILES[TRAIN]}, but one of the "
        "containers of THINGS-EEG2 is needed; correct the path, or unzip the subjects there."
    )


def _epoched_sessions(
    folders: dict[int, Path], pictures: Eeg2Pictures, folder: Path
) -> tuple[tuple[Session, ...], tuple[Finding, ...]]:
    days, sessions = _day_table(folder), list[Session]()
    findings = [
        Finding(
            "these files were whitened by their publisher, perhaps with test trials",
            "figures compare with published ones; for a strict result start from the raw files",
        ),
        Finding("the epochs have no place in time", "training trials near a validation trial are not recognised"),
    ]
    if days is None:
        findings.append(
            Finding(
                f"{DAY_TABLE} is not here",
                "the day of a training repetition is known as 1 or 2, or 3 or 4; with separate days half of them train",
            )
        )
    for number, path in folders.items():
        for subset, name in EPOCHED_FILES.items():
            file = path / name
            if not file.exists():
                findings.append(Finding(f"{file} is missing", f"subject {number} has no {subset} trials"))
                continue
            check_here(file, f"it holds the {subset} trials of subject {number}")
            if not is_complete(file):
                raise BadInput(f"{file}: the file is cut short ({file.stat().st_size:,} bytes); download it again.")
            shown = None if days is None or subset == TEST or number > len(days) else days[number - 1]
            read = partial(_read_epoched, file, subset, pictures, shown)
            n_bytes = file.stat().st_size
            sessions.append(Session(str(file), f"{number:02d}", read, None, subset, None, n_bytes, n_bytes))
    return tuple(sessions), tuple(findings)


def _day_table(folder: Path) -> np.ndarray | None:
    """Days of the training concepts, int (subjects, concepts, 2), where the table of orders is here."""
    for place in (folder, folder / "image_set", folder.parent, folder.parent / "image_set"):
        if (place / DAY_TABLE).is_file():
            with np.load(place / DAY_TABLE, allow_pickle=False) as table:
                return np.asarray(table["days"])
    return None


def _read_epoched(file: Path, subset: str, pictures: Eeg2Pictures, shown: np.ndarray | None) -> Iterator[Reading]:
    found = load_arrays(file)
    names = pictures.of(subset)
    data, ch_names, times = _checked(file, found, len(names), REPETITIONS[subset])
    n_pictures, n_repetitions, n_channels, n_times = data.shape
    # NICE's files list 300 time points for 250 samples; the last 250 are right.
    sfreq, onset_row = onset_row_of(times[len(times) - n_times :], str(file))
    epochs = Epochs(data.reshape(-1, n_channels, n_times), sfreq, onset_row, tuple(ch_names), str(file))
    picture = np.repeat(names, n_repetitions)
    concept = np.repeat([concept_of_picture(name) for name in names], n_repetitions)
    day = np.tile([int(one) for one in TEST_DAYS] if subset == TEST else TRAIN_DAYS, n_pictures)
    if subset == TRAIN and shown is not None and len(shown) * 10 == n_pictures:
        day = np.repeat(shown[:, [1, 0, 1, 0]], 10, axis=0).ravel()
    yield from epoch_blocks(epochs, make_trials(np.arange(len(day)), picture, concept, subset, day))


def _checked(file: Path, found: object, n_pictures: int, repetitions: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Data (pictures, repetitions, channels, times), channel names and times; BadInput where they do not fit."""
    keys = ("preprocessed_eeg_data", "ch_names", "times")
    if not isinstance(found, dict) or any(key not in found for key in keys):
        there = ", ".join(map(str, found)) if isinstance(found, dict) else type(found).__name__
        raise BadInput(f"{file}: holds {there}, but needs the keys {', '.join(keys)}; download the file again.")
    data, ch_names, times = found[keys[0]], [str(name) for name in found[keys[1]]], np.asarray(found[keys[2]], float)
    need = f"({n_pictures}, {repetitions}, channels, times)"
    if not isinstance(data, np.ndarray) or data.ndim != 4 or data.shape[:2] != (n_pictures, repetitions):
        shape = getattr(data, "shape", None)
        raise BadInput(
            f"{file}: preprocessed_eeg_data has shape {shape}, but needs {need}; an averaged or cut file cannot be "
            "read, so use the one of the publisher."
        )
    if len(ch_names) != data.shape[2] or len(set(ch_names)) != len(ch_names) or "stim" in ch_names:
        raise BadInput(
            f"{file}: ch_names has {len(ch_names)} names ({len(set(ch_names))} different"
            f"{', stim among them' if 'stim' in ch_names else ''}), but the {data.shape[2]} channels of "
            "preprocessed_eeg_data each need one EEG name; download the file again."
        )
    if len(times) < max(2, data.shape[3]):
        raise BadInput(f"{file}: times has {len(times)} values, but {data.shape[3]} samples need one each.")
    return data, ch_names, times
