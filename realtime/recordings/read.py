"""Reads a recording from any supported file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.read_npz import read_npz
from realtime.recordings.recording import Recording

READERS = ("auto", "mne", "xdf", "csv", "npz")

SUFFIXES = {".xdf": "xdf", ".xdfz": "xdf", ".csv": "csv", ".tsv": "csv", ".npz": "npz"}  # everything else goes to MNE


def read_recording(
    path: str | Path,
    reader: str = "auto",
    *,
    pick: str | Sequence[str] = "eeg",
    marker_column: str | None = None,
    stream: str | None = None,
    finite: bool = True,
) -> Recording:
    """Read a recording: whatever MNE reads (EDF BDF GDF FIF SET VHDR ...), XDF, CSV with time stamps, or npz.

    `reader` is one of `READERS`; `auto` goes by the file's suffix. `pick` is `eeg`, `meg`, `all`, or channel names
    matched as in `realtime.sensors.montage`, in that order; CSV and npz declare no types, so there the
    three words mean all. `marker_column` names the CSV column that holds the markers (else every column whose name
    starts with `marker`); `stream` names the signal stream of an XDF file that holds several. An npz file holds
    `samples` (n_times, n_channels) microvolts, `sfreq`, `ch_names` and optionally `markers` (n, 2): row and label.
    Markers outside the recording are left out. NaN and Inf are refused unless `finite` is False: they are useless
    for training, but can be replayed. Raises BadInput, naming the file.
    """
    path = Path(path)
    if reader not in READERS:
        raise BadInput(f"{path}: reader is {reader!r}, but needs one of {', '.join(READERS)}.")
    if not path.exists():
        raise BadInput(f"{path}: there is no such file; check the path.")
    kind = SUFFIXES.get(path.suffix.lower(), "mne") if reader == "auto" else reader
    # Imported here: MNE and pyxdf need a second to load, and no file needs both.
    if kind == "mne":
        from realtime.recordings.read_mne import read_mne

        recording = read_mne(path, pick)
    elif kind == "xdf":
        from realtime.recordings.read_xdf import read_xdf

        recording = read_xdf(path, pick, stream)
    elif kind == "csv":
        from realtime.recordings.read_csv import read_csv

        recording = read_csv(path, pick, marker_column)
    else:
        recording = read_npz(path, pick)
    return checked_recording(recording, finite)


def checked_recording(recording: Recording, finite: bool) -> Recording:
    """The same recording with float32 samples and markers in order, or BadInput if no decoder could use it."""
    samples = np.ascontiguousarray(recording.samples, dtype=np.float32)
    if samples.size == 0:
        raise BadInput(
            f"{recording.name}: it holds {samples.shape[0]} samples of {samples.shape[1]} channels; a recording "
            "needs at least one of each."
        )
    if not (np.isfinite(recording.sfreq) and recording.sfreq > 0):
        raise BadInput(f"{recording.name}: sfreq is {recording.sfreq}, but a rate in Hz above 0 is needed.")
    broken = np.argwhere(~np.isfinite(samples))
    if len(broken) and finite:
        row, channel = broken[0]
        raise BadInput(
            f"{recording.name}: channel {recording.ch_names[channel]!r} holds {samples[row, channel]} at sample "
            f"{row} ({len(broken)} such values); every sample needs a number, so cut or repair the file."
        )
    markers = sorted(((row, label) for row, label in recording.markers if 0 <= row < len(samples)), key=lambda m: m[0])
    return Recording(
        samples,
        float(recording.sfreq),
        tuple(recording.ch_names),
        tuple(markers),
        tuple(recording.gaps),
        recording.name,
        recording.warnings,
        recording.positions_m,
    )
