"""Recordings in XDF, the format of LabRecorder and of `glimpse record`."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf

from realtime.errors import BadInput, check_schema_version
from realtime.markers import is_marker_stream, is_one_hot, sample_labels
from realtime.recorder.xdf_writer import SCHEMA_VERSION
from realtime.recordings.recording import Recording, pick_channels
from realtime.recordings.timestamps import rate_and_gaps, rows_at
from realtime.sensors.units import channel_factor

# An element of XML as pyxdf returns it: its children by name, each a list.
Node = dict[str, Any]


def read_xdf(path: Path, pick: str | Sequence[str], stream: str | None) -> Recording:
    """Read the signal stream of an XDF file and every marker stream.

    The signal is the stream called `stream`, else the only one of type EEG or MEG, else the only numeric one. Decisions
    that Glimpse itself sent during the recording are no markers.
    """
    try:
        # Stamps as recorded: pyxdf's own smoothing would fit one line through holes shorter than a second.
        with (gzip.open if path.suffix.lower() == ".xdfz" else open)(path, "rb") as file:
            streams, header = pyxdf.load_xdf(file, dejitter_timestamps=False, verbose=False)
    except Exception as error:  # pyxdf passes on its parsers' errors
        raise BadInput(f"{path}: not a readable XDF file ({error}); record it again or repair it.") from error
    _check_schema(path, header)
    signal = _signal(path, streams, stream)
    stamps = np.asarray(signal["time_stamps"], dtype=float)
    sfreq, gaps = rate_and_gaps(stamps, str(path), float(_info(signal, "nominal_srate")))
    ch_names, kinds, units = _channels(signal)
    if not isinstance(pick, str):
        keep = pick_channels(pick, ch_names, str(path))
    else:
        typed = [i for i, kind in enumerate(kinds) if pick != "all" and kind.casefold() == pick]
        keep = np.array(typed or range(len(ch_names)), dtype=np.intp)
    factors, warnings = _factors(path, *([column[i] for i in keep] for column in (ch_names, kinds, units)))
    samples = np.asarray(signal["time_series"], dtype=float)[:, keep] * factors
    events = [s for s in streams if _carries_markers(s) and not _is_decisions(s)]
    markers = [marker for s in events for marker in _markers(s, stamps, sfreq, gaps)]
    return Recording(samples, sfreq, tuple(ch_names[i] for i in keep), tuple(markers), gaps, str(path), warnings)


def _check_schema(path: Path, header: Node) -> None:
    """Raise BadInput for a recording of a newer Glimpse; other programs write no such number."""
    [glimpse] = header["info"].get("glimpse") or [None]
    if glimpse:
        number = _text(glimpse, "schema_version")
        check_schema_version(int(number) if number.isdecimal() else number, SCHEMA_VERSION, str(path))


def _signal(path: Path, streams: list[Node], name: str | None) -> Node:
    regular = [
        s for s in streams if float(_info(s, "nominal_srate") or 0) > 0 and _info(s, "channel_format") != "string"
    ]
    regular = [s for s in regular if len(s["time_stamps"]) > 1]
    if name is not None:
        chosen = [s for s in regular if _info(s, "name") == name]
    else:
        chosen = [s for s in regular if _info(s, "type").upper() in ("EEG", "MEG")] or regular
    if len(chosen) != 1:
        listing = ", ".join(
            f"{_info(s, 'name')!r} ({_info(s, 'type')}, {len(s['time_stamps'])} samples)" for s in streams
        )
        need = f"one signal stream called {name!r}" if name else "one signal stream with a rate and samples"
        raise BadInput(
            f"{path}: {len(chosen)} streams fit where {need} is needed; it holds {listing or 'no streams'}; "
            "keep or name just one."
        )
    return chosen[0]


def _channels(signal: Node) -> tuple[list[str], list[str], list[str]]:
    """Name, type and unit of each channel, empty where the header leaves it out."""
    n_channels = int(_info(signal, "channel_count"))
    groups = _desc(signal).get("channels") or [None]
    channels = [c or {} for c in (groups[0] or {}).get("channel", [])]
    if len(channels) != n_channels:
        return (
            [f"{_info(signal, 'type') or 'channel'}{i + 1}" for i in range(n_channels)],
            [""] * n_channels,
            [""] * n_channels,
        )
    names = [_text(c, "label") or _text(c, "name") or f"channel{i + 1}" for i, c in enumerate(channels)]
    return names, [_text(c, "type") for c in channels], [_text(c, "unit") for c in channels]


def _factors(path: Path, ch_names: list[str], types: list[str], units: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Factor of each channel to microvolts, and a warning where units are missing."""
    factors = []
    for name, kind, unit in zip(ch_names, types, units, strict=True):
        factor = channel_factor(unit, kind)
        if factor is None:
            raise BadInput(
                f"{path}: channel {name!r} has unit {unit!r}, but V, mV, uV or nV is needed; correct the header or "
                "leave the channel out."
            )
        factors.append(factor)
    n_without = units.count("")
    warnings = (f"{path}: {n_without} channels declare no unit and are taken as microvolts.",) if n_without else ()
    return np.array(factors), warnings


def _carries_markers(stream: Node) -> bool:
    rate_hz = float(_info(stream, "nominal_srate") or 0)
    return is_marker_stream(_info(stream, "type"), _info(stream, "channel_format"), rate_hz)


def _is_decisions(stream: Node) -> bool:
    """Whether `realtime.live.decision_outlet` sent it."""
    return bool(_desc(stream).get("glimpse"))


def _markers(
    stream: Node, stamps: np.ndarray, sfreq: float, gaps: tuple[tuple[int, int], ...]
) -> list[tuple[int, str]]:
    rows = rows_at(np.asarray(stream["time_stamps"], dtype=float), stamps, sfreq, gaps)
    channel_format, ch_names = _info(stream, "channel_format"), _channels(stream)[0]
    one_hot = is_one_hot(_info(stream, "type"), channel_format, len(ch_names))
    return [
        (int(row), label)
        for row, values in zip(rows, stream["time_series"], strict=True)
        if row >= 0
        for label in sample_labels(values if channel_format == "string" else values.tolist(), ch_names, one_hot)
    ]


def _desc(stream: Node) -> Node:
    description: Node = (stream["info"].get("desc") or [None])[0] or {}
    return description


def _info(stream: Node, key: str) -> str:
    return _text(stream["info"], key)


def _text(node: Node, key: str) -> str:
    values = node.get(key) or [None]
    return (values[0] or "").strip()
