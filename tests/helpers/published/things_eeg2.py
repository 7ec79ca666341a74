"""Small folders of THINGS-EEG2: raw recordings in the real order of pictures, and the epoched containers."""

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from tests.helpers.published.signals import CHANNELS_63, POSTERIOR_17, recording, response, topography

TARGET = 99999


def write_metadata(root: Path, metadata: Path, n_concepts: int | None = None, n_test: int | None = None) -> None:
    """Write `image_metadata.npy`: the real one, or its first concepts and test pictures only."""
    root.mkdir(parents=True, exist_ok=True)
    if n_concepts is None and n_test is None:
        shutil.copy(metadata / "image_metadata.npy", root)
        return
    found = np.load(metadata / "image_metadata.npy", allow_pickle=True).item()
    ends = {"train": None if n_concepts is None else 10 * n_concepts, "test": n_test}
    np.save(root / "image_metadata.npy", {key: rows[: ends[key.split("_")[0]]] for key, rows in found.items()})


def pictures(root: Path, part: Literal["train", "test"]) -> list[str]:
    """Names of the pictures of a part, without file type."""
    return [name[:-4] for name in np.load(root / "image_metadata.npy", allow_pickle=True).item()[f"{part}_img_files"]]


def write_raw(
    root: Path,
    metadata: Path,
    subject: int = 1,
    days: Sequence[int] = (1, 2, 3, 4),
    sequences: int = 1,
    sfreq: float = 200.0,
    ch_names: Sequence[str] = CHANNELS_63,
) -> Path:
    """Write the first `sequences` of each block of the real order, five recordings joined; and some test sequences."""
    write_metadata(root, metadata)
    names = {part: pictures(root, part) for part in ("train", "test")}
    with np.load(metadata / "train_days_and_order.npz") as table:
        for day in days:
            folder = root / f"sub-{subject:02d}" / f"ses-{day:02d}"
            folder.mkdir(parents=True)
            order = table[f"sub{subject:02d}_ses{day:02d}"][:, :sequences].astype(int)
            blocks = [block.ravel() for block in order.reshape(5, -1, 20)]  # three blocks a recording
            _write_raw_file(folder / "raw_eeg_training.npy", blocks, names["train"], ch_names, sfreq, day)
            shown = np.random.default_rng(day).permutation(np.repeat(np.arange(1, 201), sequences))
            _write_raw_file(
                folder / "raw_eeg_test.npy", [np.append(shown, 0)], names["test"], ch_names, sfreq, day + 10
            )
    return root


def _write_raw_file(
    path: Path, blocks: Sequence[np.ndarray], names: Sequence[str], ch_names: Sequence[str], sfreq: float, seed: int
) -> None:
    parts = []
    for number, codes in enumerate(blocks):
        rows = round(3 * sfreq) + np.round(np.arange(len(codes)) * 0.2 * sfreq).astype(int)
        n_times = int(rows[-1]) + round(3 * sfreq)
        shown = [names[code - 1] if code else "" for code in codes]
        part = np.zeros((n_times, len(ch_names) + 1))
        part[:, :-1] = recording(rows, shown, len(ch_names), n_times, sfreq, 100 * seed + number) * 1e-6
        part[:, :-1] += number * 1e-4  # recordings begin at another offset
        part[rows, -1] = np.where(codes == 0, TARGET, codes)
        parts.append(part)
    data = np.concatenate(parts).T
    held = {
        "raw_eeg_data": np.ascontiguousarray(data),
        "ch_names": [*ch_names, "stim"],
        "ch_types": ["eeg"] * len(ch_names) + ["stim"],
        "sfreq": float(sfreq),
        "highpass": 0.01,
        "lowpass": 100.0,
    }
    np.save(path, held)


def write_epochs(
    root: Path,
    metadata: Path,
    form: Literal["author", "nice"] = "author",
    subject: int = 1,
    n_times: int = 5,
    n_concepts: int | None = None,
    n_test: int | None = None,
) -> Path:
    """Write the epoched container of a subject: a dict in an npy file, or a bare pickle of protocol 4."""
    write_metadata(root, metadata, n_concepts, n_test)
    folder = root / f"sub-{subject:02d}"
    folder.mkdir(parents=True)
    ch_names = POSTERIOR_17 if form == "author" else [*CHANNELS_63[31:], *CHANNELS_63[:31]]
    start, end, n_more = (-0.2, 0.8, 0) if form == "author" else (0.0, 1.0, n_times // 5)
    step = (end - start) / n_times
    for part, file, repetitions in (("train", "training", 4), ("test", "test", 80)):
        shown = pictures(root, "train" if part == "train" else "test")
        rng = np.random.default_rng(subject)
        data = rng.standard_normal((len(shown), repetitions, len(ch_names), n_times)).astype(np.float32)
        wave = np.interp(np.arange(n_times) * step + start, np.arange(60) / 200, response(200.0), left=0, right=0)
        for row, picture in enumerate(shown):
            data[row] += (topography(picture, len(ch_names))[:, None] * wave).astype(np.float32)
        times = np.round((np.arange(n_times + n_more) - n_more) * step + start, 6)
        held = {"preprocessed_eeg_data": data, "ch_names": list(ch_names), "times": times}
        path = folder / f"preprocessed_eeg_{file}.npy"
        if form == "author":
            np.save(path, held)
        else:
            path.write_bytes(pickle.dumps(held, protocol=4))
    return root
