"""The vectors that a dataset's labels stand for: words or pictures, or none where the network learns its own."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from training.dataset_schema import DatasetFile, Simulate, TextTargets


def load_targets(
    dataset: DatasetFile, labels: Sequence[str] | None = None
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names and their unit vectors, float32 (n_labels, dim), or None with `targets: labels`.

    The simulated amplifier shows vectors of its own, drawn from `vectors_seed`, unless the dataset gives others.
    `labels` defaults to the dataset's own; each is looked up by name, then by synonym, without case, underscores and
    spaces. Raises BadInput for a label that the targets lack, and for files that do not fit together.
    """
    names = tuple(dataset.labels if labels is None else labels)
    targets = dataset.targets
    if isinstance(targets, str):
        return names, None if dataset.simulate is None else _simulated(dataset, dataset.simulate, names)
    if isinstance(targets, TextTargets):
        rows_file, keys_file = (
            dataset.resolve("targets.text", targets.text),
            dataset.resolve("targets.names", targets.names),
        )
        rows_of, n_rows = _read_names(keys_file)
        columns = None
    else:
        rows_file = dataset.resolve("targets.images", targets.images)
        keys_file = dataset.resolve("targets.stimuli", targets.stimuli)
        rows_of, n_rows = _read_stimuli(keys_file)
        columns = targets.columns
    vectors = _read_vectors(rows_file, columns)
    if len(vectors) != n_rows:
        raise BadInput(
            f"{rows_file}: it has {len(vectors)} rows, but {keys_file} names {n_rows}; they need one name a row."
        )
    at = [_row(dataset, rows_of, name, keys_file) for name in names]
    chosen = np.asarray(vectors[at], dtype=np.float64)
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    for name, row, length in zip(names, at, lengths[:, 0], strict=True):
        if not (np.isfinite(length) and length > 0):
            raise BadInput(
                f"{rows_file}: row {row}, for label {name!r}, has length {length}, but needs a direction; replace it."
            )
    return names, (chosen / lengths).astype(np.float32)


def _simulated(dataset: DatasetFile, simulate: Simulate, names: Sequence[str]) -> np.ndarray:
    drawn = np.random.default_rng(simulate.vectors_seed).standard_normal((len(simulate.labels), simulate.dim))
    at = [dataset.labels.index(name) for name in names]
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True))[at].astype(np.float32)


def _row(dataset: DatasetFile, rows_of: dict[str, list[int]], name: str, keys_file: Path) -> int:
    rows = rows_of.get(_key(name), [])
    if len(rows) == 1:
        return rows[0]
    found = f"{len(rows)} rows fit" if rows else "no row fits"
    raise BadInput(
        f"{dataset.path}: events has label {name!r}, but {found} in {keys_file}, where one is needed; use the name "
        "written there."
    )


def _key(name: str) -> str:
    return re.sub(r"[\s_]+", "", name).casefold()


def _read_names(path: Path) -> tuple[dict[str, list[int]], int]:
    """Rows under each name; a synonym counts where it is no other row's name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: targets.names cannot be read ({error}); correct the path.") from error
    if not table or "name" not in table[0]:
        raise BadInput(
            f"{path}: its columns are {', '.join(table[0]) if table else 'none'}, but a column `name` is needed."
        )
    rows_of: dict[str, list[int]] = {}
    synonyms: dict[str, list[int]] = {}
    for row, line in enumerate(table):
        rows_of.setdefault(_key(line["name"] or ""), []).append(row)
        for synonym in (line.get("synonyms") or "").split("|"):
            rows = synonyms.setdefault(_key(synonym), [])
            if row not in rows:
                rows.append(row)
    return synonyms | rows_of, len(table)


def _read_stimuli(path: Path) -> tuple[dict[str, list[int]], int]:
    try:
        names = list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(
            f"{path}: targets.stimuli cannot be read ({error}); it needs a JSON list, or an object's keys."
        ) from error
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows_of.setdefault(_key(str(name)), []).append(row)
    return rows_of, len(names)


def _read_vectors(path: Path, columns: tuple[int, int] | None) -> np.ndarray:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: not a readable npy file ({error}); write it with numpy.save.") from error
    if vectors.ndim != 2:
        raise BadInput(f"{path}: its shape is {vectors.shape}, but (rows, dim) is needed; save one vector a row.")
    if columns is None:
        return vectors
    first, end = columns
    if not first < end <= vectors.shape[1]:
        raise BadInput(
            f"{path}: targets.columns is [{first}, {end}], but needs to lie within its {vectors.shape[1]} columns."
        )
    return vectors[:, first:end]
