"""Recordings in CSV: a time stamp, then channels, then markers, as muse-lsl and EEG-ExPy write them."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from realtime.recordings.recording import Recording, pick_channels
from realtime.recordings.timestamps import rate_and_gaps

NO_MARKER = {"", "0", "nan", "none"}


def read_csv(path: Path, pick: str | Sequence[str], marker_column: str | None) -> Recording:
    """Read a CSV file whose first column is time in seconds and whose channels are in microvolts.

    Markers are in `marker_column`, or else in every column whose name starts with `marker`; 0 or empty means none. A
    marker that stays for several rows is one marker, at the first row.
    """
    header, rows = _table(path)
    if marker_column is not None and marker_column not in header[1:]:
        raise BadInput(
            f"{path}: there is no column {marker_column!r} among {', '.join(header[1:])}; name the one that holds the "
            "markers."
        )
    marker_like = [i for i, name in enumerate(header) if i and name.casefold().startswith("marker")]
    marker_columns = [header.index(marker_column, 1)] if marker_column else marker_like
    signal = [i for i in range(1, len(header)) if i not in marker_like and i not in marker_columns]
    signal = [signal[i] for i in pick_channels(pick, [header[i] for i in signal], str(path))]
    values = _numbers(path, header, rows, [0, *signal])
    sfreq, gaps = rate_and_gaps(values[:, 0], str(path))
    if sfreq < 1:
        raise BadInput(
            f"{path}: column {header[0]!r} steps by {1 / sfreq:g}, so the rate would be {sfreq:g} Hz; time stamps need "
            "to be in seconds."
        )
    markers = [marker for column in marker_columns for marker in _onsets([row[column] for row in rows])]
    return Recording(values[:, 1:], sfreq, tuple(header[i] for i in signal), tuple(markers), gaps, str(path))


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not UTF-8 text; save the file as CSV in UTF-8.") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    header = [name.strip() for name in rows[0]] if rows else []
    if len(header) < 2 or all(_is_number(name) for name in header):
        raise BadInput(
            f"{path}: the first line is {first[:60]!r}, but column names are needed: timestamps, then channels."
        )
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise BadInput(
                f"{path}: line {number} has {len(row)} cells, but the {len(header)} columns need one each; repair it."
            )
    return header, rows[1:]


def _numbers(path: Path, header: list[str], rows: list[list[str]], columns: list[int]) -> np.ndarray:
    """Cells of some columns, (n_rows, n_columns) float64."""
    try:
        return np.array([[float(row[i]) for i in columns] for row in rows]).reshape(-1, len(columns))
    except ValueError:
        number, column = next((n, i) for n, row in enumerate(rows, start=2) for i in columns if not _is_number(row[i]))
        cell = rows[number - 2][column]
        raise BadInput(
            f"{path}: column {header[column]!r} holds {cell!r} in line {number}, where a number is needed; repair the "
            "cell, or list the channels to pick."
        ) from None


def _onsets(cells: list[str]) -> list[tuple[int, str]]:
    labels = ["" if (label := normalise_marker(cell)).casefold() in NO_MARKER else label for cell in cells]
    return [(i, label) for i, label in enumerate(labels) if label and (i == 0 or labels[i - 1] != label)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
