"""The header of a FieldTrip buffer: labels, units and rate, checked before a sample is used.

The buffer's own header has no units. A Neuromag system adds its FIF header, which has them; elsewhere they follow from
Neuromag's names of channels, or from the amplifier's resolutions, which are in microvolts.
http://www.fieldtriptoolbox.org/development/realtime/buffer_protocol
"""

import re
import struct
from typing import Any

import numpy as np

from realtime.errors import UnusableStream
from realtime.sensors.units import unit_factor
from realtime.stream import StreamInfo

RESOLUTIONS, NEUROMAG = 3, 8  # chunks of the header
NUMBERS = range(1, 11)  # data types that are numbers
FILE_ID, CH_INFO = 100, 203  # FIF tags
CHANNEL = [
    ("scan", "i4"), ("log", "i4"), ("kind", "i4"), ("range", "f4"), ("cal", "f4"), ("coil", "i4"), ("loc", "12f4"),
    ("unit", "i4"), ("exponent", "i4"), ("name", "S16"),
]  # fmt: skip
TESLA_PER_METRE = 201
MEG_KINDS, VOLT_KINDS = (1, 301), (2, 202, 302, 402, 602, 802, 902)  # of FIF; the others measure nothing electric


def read_header(header: Any, name: str) -> StreamInfo:
    """Description of the signal from a `Header` of mne-realtime's client; `name` is for messages.

    `UnusableStream` for a header without channels or rate, data that are no numbers and repeated labels. What had to be
    assumed is listed in `warnings`.
    """
    if header.nChannels < 1 or not header.fSample > 0:
        raise UnusableStream(
            f"{name}: the header declares {header.nChannels} channels at {header.fSample:g} Hz, a signal needs at "
            "least one and a rate; correct the acquisition"
        )
    if header.dataType not in NUMBERS:
        raise UnusableStream(
            f"{name}: data type {header.dataType} is text or unknown, a signal needs numbers; correct it"
        )
    fif, warnings = _fif_channels(header.chunks.get(NEUROMAG, b""), name), []
    declared = [str(label) for label in header.labels] or list(fif if len(fif) == header.nChannels else ())
    labels = tuple(label or f"ch{k + 1}" for k, label in enumerate(declared or [""] * header.nChannels))
    if unlabelled := [label for k, label in enumerate(labels) if not declared or not declared[k]]:
        warnings.append(f"{name} does not label {len(unlabelled)} of its channels; called {', '.join(unlabelled)}")
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise UnusableStream(
            f"{name}: label {repeated[0]!r} is given twice, labels must differ; rename in the acquisition"
        )
    resolutions = np.frombuffer(header.chunks.get(RESOLUTIONS, b""), np.float64)
    resolved = len(resolutions) == len(labels)
    by_name = {label: _factor_by_name(label, labels) for label in labels if label not in fif}
    if n_unknown := sum(factor is None for factor in by_name.values()) if not resolved else 0:
        warnings.append(f"{name} declares no unit for {n_unknown} channels; taken as microvolts")
    if n_named := sum(factor is not None for factor in by_name.values()):
        warnings.append(f"{name} declares no unit for {n_named} channels; taken as T, T/m and V as Neuromag names them")
    factors = []
    for k, label in enumerate(labels):
        factor = fif[label] if label in fif else by_name[label]
        factors.append(float(resolutions[k] if resolved else 1.0) if factor is None else factor)
    return StreamInfo(name, "MEG", name, float(header.fSample), labels, tuple(factors), tuple(warnings))


def _factor_by_name(label: str, labels: tuple[str, ...]) -> float | None:
    """Factor of a channel with a name of Neuromag, None for other names."""
    if match := re.fullmatch(r"MEG ?\d{3}([123])", label):
        return unit_factor("0", "mag" if match[1] == "1" else "grad")
    if not any(re.fullmatch(r"MEG ?\d{4}", other) for other in labels):
        return None
    return unit_factor("0", "eeg") if re.fullmatch(r"(EEG|EOG|ECG|EMG) ?\d+", label) else 1.0


def _fif_channels(data: bytes, name: str) -> dict[str, float]:
    """Factor of each channel of a FIF header: fT, fT/cm and microvolts; 1 where nothing electric is measured.

    `neuromag2ft` writes it in the byte order of its machine, little-endian, which MNE does not read.
    """
    if not data:
        return {}
    order = next((o for o in "><" if len(data) >= 16 and struct.unpack_from(o + "i", data)[0] == FILE_ID), None)
    if order is None:
        raise UnusableStream(f"{name}: the Neuromag chunk of the header is no FIF file; correct the acquisition")
    layout = np.dtype([(field, order + form) for field, form in CHANNEL])
    factors, position = {}, 0
    while position + 16 <= len(data):
        tag, _, size, following = struct.unpack_from(order + "4i", data, position)
        if tag == CH_INFO and size >= layout.itemsize and position + 16 + size <= len(data):
            ch = np.frombuffer(data, layout, 1, position + 16)[0]
            kind = ("grad" if ch["unit"] == TESLA_PER_METRE else "mag") if ch["kind"] in MEG_KINDS else "eeg"
            measures = ch["kind"] in MEG_KINDS + VOLT_KINDS
            factor = unit_factor(str(ch["exponent"]), kind) if measures else 1.0
            if factor is None:
                raise UnusableStream(
                    f"{name}: channel {ch['name']!r} has a unit of 10^{ch['exponent']}; correct its header"
                )
            factors[ch["name"].decode("latin-1").rstrip("\0")] = factor
        next_position = position + 16 + max(size, 0) if following == 0 else following
        if next_position <= position:  # the end is marked by -1; a step back is damage
            break
        position = next_position
    return factors
