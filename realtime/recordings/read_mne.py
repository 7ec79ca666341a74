"""Recordings in the formats MNE reads: EDF, BDF, GDF, FIF, SET, VHDR and more."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from realtime.recordings.edf_header import edf_units
from realtime.recordings.recording import Recording
from realtime.sensors.montage import match_channels
from realtime.sensors.units import has_unit, si_factor

SKIP = "BAD_ACQ_SKIP"  # MNE's annotation of a span that was never recorded and is filled with zeros
EDF_UNITS = ("V", "mV", "uV", "\u00b5V", "\u03bcV", "\x83\xcaV")  # spellings that MNE converts; the last is Shift JIS


def read_mne(path: Path, pick: str | Sequence[str]) -> Recording:
    """Read a file through MNE; annotations are the markers, or the stimulus channel's codes where there are none."""
    try:
        raw = mne.io.read_raw(path, preload=True, verbose="warning")
    except Exception as error:  # every format has a parser with its own exceptions
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(f"{path}: MNE cannot read it ({reason}); check the file, or name another `reader`.") from error
    if len(raw.filenames) > 1:
        raise BadInput(
            f"{path}: is the first of {len(raw.filenames)} parts of one recording, but a recording needs to be one "
            "file, since its files could be in different splits; join them (read it with MNE and save it whole)."
        )
    keep = _pick(raw, pick, path)
    ch_names = tuple(raw.ch_names[i] for i in keep)
    _check_units(raw, keep, path)
    samples = raw.get_data(picks=keep).T
    samples *= [si_factor(kind) for kind in raw.get_channel_types(picks=keep)]
    markers = [(row, label) for row, label in _annotations(raw) if label != SKIP]
    return _without_skips(
        raw,
        Recording(
            samples,
            raw.info["sfreq"],
            ch_names,
            tuple(markers or _stim_codes(raw)),
            (),
            str(path),
            positions_m=sensor_positions(raw.info, keep),
        ),
    )


def _pick(raw: mne.io.BaseRaw, pick: str | Sequence[str], path: Path) -> np.ndarray:
    if not isinstance(pick, str):
        return match_channels(pick, raw.ch_names, str(path))
    kinds = raw.get_channel_types()
    with_unit = {kind for kind in kinds if has_unit(kind)}
    types = {"eeg": {"eeg"}, "meg": {"mag", "grad"}, "all": with_unit}.get(pick)
    if types is None:
        raise BadInput(f"{path}: pick is {pick!r}, but needs 'eeg', 'meg', 'all' or a list of channel names.")
    keep = np.array([i for i, kind in enumerate(kinds) if kind in types], dtype=np.intp)
    if not len(keep):
        raise BadInput(
            f"{path}: pick is {pick!r}, but the file's channels are of type {', '.join(sorted(set(kinds)))}; "
            "list the channels by name instead."
        )
    return keep


def sensor_positions(info: mne.Info, keep: np.ndarray) -> np.ndarray | None:
    """Positions of the channels in the file, (n_channels, 3) metres, NaN where unknown; None if it has none.

    In the head frame, or in the device's if the file lacks the transform between them.
    """
    chs = [info["chs"][i] for i in keep]
    places = np.array([ch["loc"][:3] for ch in chs], dtype=np.float64).reshape(-1, 3)
    places[~places.any(axis=1)] = np.nan  # how MNE writes an electrode that was not digitised
    in_device = np.array([ch["coord_frame"] == FIFF.FIFFV_COORD_DEVICE for ch in chs], dtype=bool)
    if info["dev_head_t"] is not None:
        places[in_device] = mne.transforms.apply_trans(info["dev_head_t"], places[in_device])
    return places if np.isfinite(places).any() else None


def _check_units(raw: mne.io.BaseRaw, keep: np.ndarray, path: Path) -> None:
    """Raise BadInput for an EDF channel whose unit MNE does not know: it would be read as volts."""
    if path.suffix.lower() not in (".edf", ".bdf"):
        return
    units = edf_units(path)
    if len(units) != len(raw.ch_names):
        raise BadInput(
            f"{path}: its header lists {len(units)} signals, MNE reads {len(raw.ch_names)}; repair the file."
        )
    for i in keep:
        if units[i] not in EDF_UNITS:
            raise BadInput(
                f"{path}: channel {raw.ch_names[i]!r} has unit {units[i]!r}, but V, mV or uV is needed; correct the "
                "file's header or drop the channel."
            )


def _annotations(raw: mne.io.BaseRaw) -> list[tuple[int, str]]:
    codes = {text: i + 1 for i, text in enumerate(dict.fromkeys(raw.annotations.description))}
    if not codes:
        return []
    events, _ = mne.events_from_annotations(raw, codes, regexp=None, verbose="error")
    text = {code: normalise_marker(name) for name, code in codes.items()}
    return [(int(at - raw.first_samp), text[code]) for at, _, code in events]


def _stim_codes(raw: mne.io.BaseRaw) -> list[tuple[int, str]]:
    if "stim" not in raw.get_channel_types():
        return []
    events = mne.find_events(raw, shortest_event=1, verbose="error")
    return [(int(at - raw.first_samp), str(code)) for at, _, code in events]


def _without_skips(raw: mne.io.BaseRaw, recording: Recording) -> Recording:
    """Remove the rows of spans that were never recorded, and list them as gaps."""
    lost = np.zeros(len(recording.samples), dtype=bool)
    starts = [row for row, label in _annotations(raw) if label == SKIP]
    lengths = [a["duration"] for a in raw.annotations if a["description"] == SKIP]
    for start, seconds in zip(starts, lengths, strict=True):
        lost[start : start + round(seconds * recording.sfreq)] = True
    if not lost.any():
        return recording
    row_of = np.cumsum(~lost) - 1  # a marker inside a hole goes to the last row before it
    edges = np.flatnonzero(np.diff(np.r_[0, lost, 0]))
    gaps = tuple((int(row_of[b - 1]) + 1, int(b - a)) for a, b in edges.reshape(-1, 2))
    markers = tuple((int(max(row_of[row], 0)), label) for row, label in recording.markers if row < len(lost))
    return replace(recording, samples=recording.samples[~lost], markers=markers, gaps=gaps)
