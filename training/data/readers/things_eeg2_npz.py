"""One npz file of single test trials of THINGS-EEG2, already epoched: `eeg`, `times`, `image`, `concept`, `day`."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from training.data.readers.trials import (
    TEST,
    Epochs,
    Finding,
    PublishedSet,
    Reading,
    Session,
    epoch_blocks,
    make_trials,
    onset_row_of,
)

KEYS = ("eeg", "times", "image", "concept", "day")


def open_npz(file: Path, subjects: Sequence[int] | None) -> PublishedSet:
    """Recognise the file; its `eeg` is (pictures, repetitions, times), or (pictures, repetitions, channels, times)."""
    if subjects is not None:
        raise BadInput(f"{file}: subjects is {list(subjects)}, but one file holds one subject; remove subjects.")
    concepts = frozenset(_load(file)["concept"].tolist())
    size = file.stat().st_size
    session = Session(str(file), file.stem, partial(_read, file), None, TEST, None, size, size)
    return PublishedSet(
        "things-eeg2",
        "single test trials of one subject in an npz file, preprocessed and whitened by the publisher",
        file,
        (session,),
        (
            Finding("the file holds no training trials", "nothing can be trained on it; it can be evaluated"),
            Finding(
                "these trials were whitened by their publisher, perhaps with test trials",
                "figures compare with published ones; for a strict result start from the raw files",
            ),
        ),
        concepts,
        in_time=False,
    )


def _load(file: Path) -> dict[str, np.ndarray]:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            found = {key: held[key] for key in held.files}
    except Exception as error:  # a cut archive raises whatever its first damaged member meets
        reason = " ".join(str(error).split())
        raise BadInput(f"{file}: not a readable npz file ({reason}); copy or download it again.") from error
    if missing := [key for key in KEYS if key not in found]:
        raise BadInput(
            f"{file}: key {missing[0]!r} is missing among {', '.join(found)}, but {', '.join(KEYS)} are needed; write "
            "them with numpy.savez."
        )
    return found


def _read(file: Path) -> Iterator[Reading]:
    found = _load(file)
    eeg, times = found["eeg"], found["times"].astype(float)
    if eeg.ndim == 3:
        eeg = eeg[:, :, None]
    n_pictures, n_repetitions = eeg.shape[:2] if eeg.ndim == 4 else (-1, -1)
    facts = (n_pictures, n_pictures, n_repetitions, eeg.shape[-1])
    held = tuple(len(found[key]) for key in ("image", "concept", "day", "times"))
    if facts != held:
        raise BadInput(
            f"{file}: eeg has shape {found['eeg'].shape}, but image, concept, day and times have {held} values, so "
            f"{(held[0], held[2], held[3])} is needed; write the arrays again."
        )
    ch_names = tuple(map(str, found["ch_names"])) if "ch_names" in found else _names(eeg.shape[2])
    sfreq, onset_row = onset_row_of(times, str(file))
    epochs = Epochs(eeg.reshape(-1, *eeg.shape[2:]), sfreq, onset_row, ch_names, str(file))
    trials = make_trials(
        np.arange(n_pictures * n_repetitions),
        np.repeat(found["image"], n_repetitions),
        np.repeat(found["concept"], n_repetitions),
        TEST,
        np.tile(found["day"], n_pictures),
    )
    yield from epoch_blocks(epochs, trials)


def _names(n_channels: int) -> tuple[str, ...]:
    """Names of channels that the file leaves unnamed: a single one is the mean of the posterior channels."""
    return ("posterior mean",) if n_channels == 1 else tuple(f"channel{i + 1}" for i in range(n_channels))
