"""The vectors of a dataset's labels: of words or pictures, or none where the network learns prototypes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.bundle.label_vectors import name_key, read_label_vectors, read_vectors
from realtime.errors import BadInput
from training.data.schema import DatasetFile, ImageTargets, Simulate, TextTargets


@dataclass(frozen=True)
class Targets:
    """Labels and the vectors they stand for."""

    labels: tuple[str, ...]
    vectors: np.ndarray | None  # unit vectors, float32 (n_labels, dim); None: the network learns prototypes
    layer_widths: tuple[int, ...] = ()  # of target layers side by side in the vectors; none for a single one


def read_targets(dataset: DatasetFile) -> Targets:
    """The targets of a dataset file; see `load_targets`."""
    return Targets(*load_targets(dataset), layer_widths(dataset))


def load_targets(
    dataset: DatasetFile, labels: Sequence[str] | None = None
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names and their unit vectors, float32 (n_labels, dim), or None with `targets: labels`.

    The simulated amplifier shows vectors of its own, drawn from `vectors_seed`, unless the dataset gives others.
    Without `labels`, every name of the files is a target, shown or not, so that a bundle retrieves from all of them;
    a label of the dataset is spelled as there. Labels are looked up by name, then by synonym, without case, underscores
    and spaces. Several target layers stand side by side, each of the same length. Raises BadInput for a label that the
    targets lack, and for files that do not fit together.
    """
    targets = dataset.targets
    if isinstance(targets, str):
        names = tuple(dataset.labels if labels is None else labels)
        return names, None if dataset.simulate is None else _simulated(dataset, dataset.simulate, names)
    if isinstance(targets, TextTargets):
        rows_file = dataset.resolve("targets.text", targets.text)
        keys_file = dataset.resolve("targets.names", targets.names)
        tables = [read_label_vectors(rows_file, keys_file)]
        rows_files = [rows_file]
    else:
        rows_files = _image_files(dataset, targets)
        keys_file = dataset.resolve("targets.stimuli", targets.stimuli)
        tables = [read_label_vectors(rows_file, keys_file, targets.columns) for rows_file in rows_files]
    table = tables[0]
    if labels is None:
        spelled = {_row(dataset, table.rows_of, label, keys_file): label for label in dataset.labels}
        rows = list(range(len(table.names)))
        names = tuple(spelled.get(row, table.names[row]) for row in rows)
    else:
        names = tuple(labels)
        rows = [_row(dataset, table.rows_of, name, keys_file) for name in names]
    layers = [_unit(table.vectors[rows], names, rows, file) for table, file in zip(tables, rows_files, strict=True)]
    return names, (np.concatenate(layers, axis=1) / np.sqrt(len(layers))).astype(np.float32)


def layer_widths(dataset: DatasetFile) -> tuple[int, ...]:
    """Widths of the target layers that stand side by side in the vectors of `load_targets`; none for a single one."""
    targets = dataset.targets
    if not isinstance(targets, ImageTargets) or isinstance(targets.images, str):
        return ()
    return tuple(read_vectors(file, targets.columns).shape[1] for file in _image_files(dataset, targets))


def _image_files(dataset: DatasetFile, targets: ImageTargets) -> list[Path]:
    files = (targets.images,) if isinstance(targets.images, str) else targets.images
    return [dataset.resolve("targets.images", file) for file in files]


def _unit(vectors: np.ndarray, names: Sequence[str], rows: Sequence[int], file: Path) -> np.ndarray:
    chosen = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    for name, row, length in zip(names, rows, lengths[:, 0], strict=True):
        if not (np.isfinite(length) and length > 0):
            raise BadInput(
                f"{file}: row {row}, for label {name!r}, has length {length}, but needs a direction; replace it."
            )
    unit: np.ndarray = chosen / lengths
    return unit


def _simulated(dataset: DatasetFile, simulate: Simulate, names: Sequence[str]) -> np.ndarray:
    drawn = np.random.default_rng(simulate.vectors_seed).standard_normal((len(dataset.labels), simulate.dim))
    rows = [dataset.labels.index(name) for name in names]
    unit: np.ndarray = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit[rows].astype(np.float32)


def _row(dataset: DatasetFile, rows_of: dict[str, list[int]], name: str, keys_file: Path) -> int:
    rows = rows_of.get(name_key(name), [])
    if len(rows) == 1:
        return rows[0]
    found = f"{len(rows)} rows fit" if rows else "no row fits"
    raise BadInput(
        f"{dataset.path}: events has label {name!r}, but {found} in {keys_file}, where one is needed; use the name "
        "written there."
    )
