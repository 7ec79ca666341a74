"""The files of each split; no file, nor a copy of it, is in two."""

import glob
import hashlib
from collections import Counter
from pathlib import Path

from realtime.errors import BadInput
from training.data.schema import DatasetFile

SPLITS = ("train", "valid", "test")

# Formats whose listed file is only a header: two recordings may share it, so its data files are compared too.
COMPANIONS = {".vhdr": (".eeg", ".dat"), ".set": (".fdt",)}


def split_files(dataset: DatasetFile, split: str) -> tuple[Path, ...]:
    """The files of a split, globs in the order written, each file once."""
    files: dict[Path, Path] = {}
    spelled_out: set[Path] = set()  # listed without a glob: a second time is a mistake
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
                raise BadInput(f"{dataset.path}: files.{split} names {entry!r} twice; remove one or correct it.")
            files.setdefault(name.resolve(), name)
        spelled_out |= {pattern.resolve()} if pattern.exists() else set()
    return tuple(files.values())


def check_disjoint(dataset: DatasetFile) -> None:
    """Refuse a recording in two splits, under whatever name: memorised trials would count as decoded."""
    entries: list[tuple[str, Path | int]] = [(split, path) for split in SPLITS for path in split_files(dataset, split)]
    entries += [(split, seed) for split in SPLITS for seed in getattr(dataset.files, split) if isinstance(seed, int)]
    sizes = Counter(entry.stat().st_size for _, entry in entries if isinstance(entry, Path))
    first: dict[object, tuple[str, Path | int]] = {}
    for split, entry in entries:
        same: list[object] = [entry]
        if isinstance(entry, Path):
            same = [entry.resolve()]
            if entry.is_file() and sizes[entry.stat().st_size] > 1:  # only files of one size can be equal
                same.append(file_digest(entry))
        for key in same:
            other_split, twin = first.setdefault(key, (split, entry))
            if other_split != split:
                raise BadInput(
                    f"{dataset.path}: files.{split} holds {entry} and files.{other_split} holds {twin}, which are the "
                    "same recording, but a recording needs to be in one split only; remove one."
                )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file and of its companions, such as the data of a header file."""
    digest = hashlib.sha256()
    companions = [path.with_suffix(suffix) for suffix in COMPANIONS.get(path.suffix.lower(), ())]
    for member in [path, *(companion for companion in companions if companion.is_file())]:
        with member.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
