"""A recording read from a file, whatever its format, in one shape: microvolts, channel names, markers by sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.errors import BadInput

READERS = ("auto", "mne", "xdf", "csv", "npz")
SUFFIXES = {".xdf": "xdf", ".xdfz": "xdf", ".csv": "csv", ".tsv": "csv", ".npz": "npz"}  # everything else goes to MNE


@dataclass(frozen=True)
class Recording:
    """Samples of one file in the order they were taken, and what happened meanwhile."""

    samples: np.ndarray  # float32 (n_times, n_channels); EEG microvolts, magnetometers fT, gradiometers fT/cm
    sfreq: float  # Hz, as measured where the file has time stamps
    ch_names: tuple[str, ...]  # as the file spells them
    markers: tuple[tuple[int, str], ...]  # (row of `samples`, label), by row
    gaps: tuple[tuple[int, int], ...]  # (first row after the hole, samples lost there); lost samples are no rows
    name: str  # the path as it was given, for messages
    warnings: tuple[str, ...] = ()  # what had to be assumed about the file, a sentence each
    # float64 (n_channels, 3) metres in the head frame, NaN where unknown: of MEG sensors and digitised electrodes.
    positions_m: np.ndarray | None = None  # None: the file places nothing

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the end of the last, holes included."""
        return (len(self.samples) + sum(lost for _, lost in self.gaps)) / self.sfreq


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
    matched as in `realtime.montage`, in the order wanted; CSV and npz declare no types, so there the three words mean
    all. `marker_column` names the CSV column that holds the markers (else every column whose name starts with
    `marker`); `stream` names the signal stream of an XDF file that holds several. An npz file holds `samples`
    (n_times, n_channels) microvolts, `sfreq`, `ch_names` and optionally `markers` (n, 2): row and label.
    Markers outside the recording are left out. NaN and Inf are refused unless `finite` is False: nothing can be learnt
    from them, yet a stream that held them can be replayed. Raises BadInput, naming the file.
    """
    path = Path(path)
    if reader not in READERS:
        raise BadInput(f"{path}: reader is {reader!r}, but needs one of {', '.join(READERS)}.")
    if not path.exists():
        raise BadInput(f"{path}: there is no such file; check the path.")
    kind = SUFFIXES.get(path.suffix.lower(), "mne") if reader == "auto" else reader
    # Imported here: MNE and pyxdf take a second to load, and nobody needs both.
    if kind == "mne":
        from realtime.files.recording_mne import read_mne

        recording = read_mne(path, pick)
    elif kind == "xdf":
        from realtime.files.recording_xdf import read_xdf

        recording = read_xdf(path, pick, stream)
    elif kind == "csv":
        from realtime.files.recording_csv import read_csv

        recording = read_csv(path, pick, marker_column)
    else:
        recording = _read_npz(path, pick)
    return _checked(recording, finite)


def picked(pick: str | Sequence[str], ch_names: Sequence[str], where: str) -> np.ndarray:
    """Index of the channels that `pick` names, among channels that declare no type."""
    from realtime.montage import match

    return np.arange(len(ch_names)) if isinstance(pick, str) else match(pick, ch_names, where)


def tidy(label: object) -> str:
    """A marker as the string a dataset file writes: `1.0`, ` 1` and `1` are one marker, and so are runs of spaces."""
    text = " ".join(str(label).split())
    whole, point, zeros = text.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and not zeros.strip("0") else text


def _read_npz(path: Path, pick: str | Sequence[str]) -> Recording:
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {key: file[key] for key in file.files}
    except Exception as error:  # zip, zlib and header parser each raise their own kinds on a broken file
        raise BadInput(
            f"{path}: not a readable npz file ({error}); write it with numpy.savez and no objects."
        ) from error
    for key in ("samples", "sfreq", "ch_names"):
        if key not in held:
            raise BadInput(
                f"{path}: key {key!r} is missing among {', '.join(held)}; an npz recording needs samples, sfreq "
                "and ch_names."
            )
    samples, ch_names = held["samples"], tuple(str(name) for name in held["ch_names"])
    if samples.ndim != 2 or samples.shape[1] != len(ch_names):
        raise BadInput(
            f"{path}: samples have shape {samples.shape}, but {len(ch_names)} ch_names need (n_times, "
            f"{len(ch_names)}); transpose or rename."
        )
    keep = picked(pick, ch_names, str(path))
    markers = tuple((int(float(row)), tidy(label)) for row, label in held.get("markers", ()))
    return Recording(samples[:, keep], float(held["sfreq"]), tuple(ch_names[i] for i in keep), markers, (), str(path))


def _checked(recording: Recording, finite: bool) -> Recording:
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
