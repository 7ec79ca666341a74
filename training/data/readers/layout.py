"""Which subjects a downloaded data set has, and which files are only pointers."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from realtime.errors import BadInput
from training.data.readers.trials import Finding

ANNEX = re.compile(rb"^\s*(\.\./)*\.?\.?/?\.git/annex/|^/annex/objects/")
LFS = b"version https://git-lfs"


def is_pointer(path: Path) -> bool:
    """Whether a file's place is taken by a link without target, an annex or LFS pointer, or nothing."""
    if path.is_symlink() and not path.exists():
        return True
    if not path.is_file() or path.stat().st_size > 1024:
        return False
    head = path.read_bytes()
    return not head or head.startswith(LFS) or ANNEX.match(head) is not None


def is_here(path: Path) -> bool:
    """Whether a file or a folder with content stands at `path`."""
    return path.exists() and not is_pointer(path)


def check_here(path: Path, need: str) -> None:
    """BadInput unless a file is here with its content; `need` says what it is needed for."""
    if is_pointer(path):
        raise BadInput(
            f"{path}: was not downloaded (only a pointer to it is here), but {need}; run `datalad get {path}`."
        )
    if not path.exists():
        raise BadInput(f"{path}: there is no such file, but {need}; download it, or leave the subject out.")


def pointers_among(paths: Iterable[Path], root: Path) -> tuple[Finding, ...]:
    """One finding for all files that are pointers."""
    found = [path for path in paths if is_pointer(path)]
    if not found:
        return ()
    first = found[0].relative_to(root)
    return (
        Finding(
            f"{len(found)} files were not downloaded, the first is {first}",
            f"their trials are missing; get them with `datalad get {first}` and the like, in {root}",
        ),
    )


def check_root(root: Path) -> None:
    """BadInput unless the folder is there."""
    if not root.is_dir():
        raise BadInput(f"{root}: root needs to be the folder of the data set, but there is none; correct the path.")


def subject_folders(folder: Path, pattern: str = r"sub-(\d+)") -> dict[int, Path]:
    """The folders of subjects, by number."""
    found = {
        int(match[1]): path for path in sorted(folder.glob("sub-*")) if (match := re.fullmatch(pattern, path.name))
    }
    return {number: path for number, path in sorted(found.items()) if path.is_dir()}


def choose_subjects(
    there: Sequence[int], requested: Sequence[int] | None, root: Path, off: Sequence[int] = ()
) -> list[int]:
    """The subjects to read: those requested, else all that are there and not in `off`."""
    if requested is None:
        return [number for number in there if number not in off]
    for number in requested:
        if number not in there:
            raise BadInput(
                f"{root}: subjects has {number}, but the folder holds {', '.join(map(str, there)) or 'none'}; download "
                "the subject or leave it out."
            )
    return list(dict.fromkeys(requested))


def recording_bytes(path: Path) -> int:
    """Size of a recording: of all files that differ in their type only, or of a folder."""
    if path.is_dir():
        return folder_bytes(path)
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.stem}.*") if one.is_file())


def folder_bytes(path: Path) -> int:
    """Size of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size if path.exists() else 0
