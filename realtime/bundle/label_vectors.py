"""Label vectors from CLIP or another model: an npy file of vectors and a list of names."""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import BadInput


def name_key(name: str) -> str:
    """A name without case, spaces and underscores, by which spellings are compared."""
    return re.sub(r"[\s_]+", "", name).casefold()


@dataclass(frozen=True)
class LabelVectors:
    """One vector and one name a row."""

    names: tuple[str, ...]
    rows_of: dict[str, list[int]]  # name_key(name) -> rows; a synonym is included if it is no other row's name
    vectors: np.ndarray  # (n_rows, dim), as stored: any float type, any length, perhaps memory-mapped


def read_label_vectors(vectors: Path, names: Path, columns: tuple[int, int] | None = None) -> LabelVectors:
    """Rows of the npy file `vectors` and their names from `names`; `columns` (first, one after the last) are used.

    Names are the column `name` of a TSV file (synonyms in `synonyms`, split by |), the items of a JSON list, the keys
    of a JSON object, or the lines of a TXT file. Raises BadInput for files that cannot be read or do not fit together.
    """
    words, synonyms = _read_names(names)
    array = read_vectors(vectors, columns)
    if len(array) != len(words):
        raise BadInput(
            f"{vectors}: it has {len(array)} rows, but {names} names {len(words)}; they need one name a row."
        )
    return LabelVectors(words, _rows_of(synonyms) | _rows_of([[word] for word in words]), array)


def read_vectors(path: Path, columns: tuple[int, int] | None = None) -> np.ndarray:
    """Vectors (n_rows, dim) of an npy file, memory-mapped; BadInput if it is not readable."""
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: not a readable npy file ({error}); write it with numpy.save.") from error
    if not isinstance(vectors, np.ndarray):
        raise BadInput(f"{path}: an archive of several arrays, but one npy file is needed; write it with numpy.save.")
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise BadInput(
            f"{path}: its shape is {vectors.shape} of {vectors.dtype}, but (rows, dim) of floats is needed; save one "
            "vector a row."
        )
    first, end = columns or (0, vectors.shape[1])
    if not 0 <= first < end <= vectors.shape[1]:
        raise BadInput(
            f"{path}: columns is [{first}, {end}], but needs to lie within its {vectors.shape[1]} columns; correct it."
        )
    return vectors[:, first:end]


def _read_names(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """The name and the synonyms of each row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content: Any = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: the names cannot be read ({error}); correct the path or the file.") from error
    if not isinstance(content, list | dict):
        raise BadInput(f"{path}: it holds a {type(content).__name__}, but a JSON list or an object's keys are needed.")
    if path.suffix.lower() in (".json", ".txt"):
        return tuple(str(name).strip() for name in content), [[] for _ in content]
    table = list(csv.DictReader(content, delimiter="\t"))
    if not table or "name" not in table[0]:
        raise BadInput(
            f"{path}: its columns are {', '.join(table[0]) if table else 'none'}, but a column `name` is needed."
        )
    return tuple(row["name"] or "" for row in table), [(row.get("synonyms") or "").split("|") for row in table]


def _rows_of(spellings: list[list[str]]) -> dict[str, list[int]]:
    rows_of: dict[str, list[int]] = {}
    for row, words in enumerate(spellings):
        for key in {name_key(word) for word in words if word}:
            rows_of.setdefault(key, []).append(row)
    return rows_of
