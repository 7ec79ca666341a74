"""Reads a recording from an npz file of arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.errors import BadInput, check_schema_version
from realtime.markers import normalise_marker
from realtime.recordings.recording import Recording, pick_channels

SCHEMA_VERSION = 1  # of the arrays below; a file may state it as `schema_version`


def read_npz(path: Path, pick: str | Sequence[str]) -> Recording:
    """Return the recording in an npz file; raises BadInput when an array is missing or has the wrong shape."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except Exception as error:  # zip, zlib and header parser have their own exceptions for a broken file
        raise BadInput(
            f"{path}: not a readable npz file ({error}); write it with numpy.savez and no objects."
        ) from error
    for key in ("samples", "sfreq", "ch_names"):
        if key not in arrays:
            raise BadInput(
                f"{path}: key {key!r} is missing among {', '.join(arrays)}; an npz recording needs samples, sfreq "
                "and ch_names."
            )
    check_schema_version(
        arrays["schema_version"].tolist() if "schema_version" in arrays else None, SCHEMA_VERSION, str(path)
    )
    samples, ch_names = arrays["samples"], tuple(str(name) for name in arrays["ch_names"])
    if samples.ndim != 2 or samples.shape[1] != len(ch_names):
        raise BadInput(
            f"{path}: samples have shape {samples.shape}, but {len(ch_names)} ch_names need (n_times, "
            f"{len(ch_names)}); transpose or rename."
        )
    keep = pick_channels(pick, ch_names, str(path))
    markers = tuple((int(float(row)), normalise_marker(label)) for row, label in arrays.get("markers", ()))
    return Recording(samples[:, keep], float(arrays["sfreq"]), tuple(ch_names[i] for i in keep), markers, (), str(path))
