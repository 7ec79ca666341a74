"""What the header of an LSL stream declares: labels, units, rate and format, checked before a sample is used."""

import math

import pylsl

from realtime.errors import UnusableStream
from realtime.stream import StreamInfo

FORMATS = {
    pylsl.cf_float32: "float32",
    pylsl.cf_double64: "double64",
    pylsl.cf_string: "string",
    pylsl.cf_int32: "int32",
    pylsl.cf_int16: "int16",
    pylsl.cf_int8: "int8",
    pylsl.cf_int64: "int64",
}
# Power of ten that takes the base unit (V, T, T/m) to ours: microvolts, femtotesla, femtotesla per centimetre.
_VOLTS = {kind: 6 for kind in ("", "eeg", "seeg", "ecog", "dbs", "eog", "emg", "ecg", "bio")}
_POWER = _VOLTS | {"mag": 15, "grad": 13}
_PREFIX = {"": 0, "m": -3, "milli": -3, "u": -6, "micro": -6, "n": -9, "nano": -9, "p": -12, "f": -15}
_BASE = {"v": 6, "volt": 6, "volts": 6, "t": 15, "tesla": 15, "t/m": 13, "t/cm": 15}
_NAMED = {prefix + base: power + p for prefix, p in _PREFIX.items() for base, power in _BASE.items()}


def read_header(info: pylsl.StreamInfo) -> StreamInfo:
    """Description of a signal stream from its FULL header (`StreamInlet.info()`).

    `Unfit` for text streams, streams without a rate, labels given twice and units nobody can guess; what had to be
    assumed is listed in `warnings`.
    """
    name, warnings = info.name(), []
    form = FORMATS.get(info.channel_format(), "undefined")
    if form in ("string", "undefined"):
        raise UnusableStream(f"stream {name!r}: channel_format is {form}, a signal needs numbers; pick another stream")
    if not info.nominal_srate() > 0:
        raise UnusableStream(
            f"stream {name!r}: nominal_srate is 0, a signal needs its rate in Hz; set it in the sender"
        )
    rows = channel_rows(info)
    labels = tuple(row["label"] for row in rows)
    if guessed := [row["label"] for row in rows if row["guessed"]]:
        warnings.append(f"stream {name!r} does not label {len(guessed)} of its channels; called {', '.join(guessed)}")
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise UnusableStream(
            f"stream {name!r}: label {twice[0]!r} is given twice, labels must differ; rename in the sender"
        )
    factors = []
    for row in rows:
        text, kind = row["unit"], row["type"].lower()
        factor = unit_factor(text, kind)
        if factor is None and kind not in _POWER:
            factor = 1.0  # a trigger, counter or accelerometer: passed on as it is
        elif factor is None and text:
            raise UnusableStream(
                f"stream {name!r}: channel {row['label']!r} has unit {text!r}, known are V, mV, uV, nV and exponents "
                "such as -6; set the unit in the sender"
            )
        factors.append(1.0 if factor is None else factor)
    if silent := [row["label"] for row in rows if not row["unit"]]:
        warnings.append(f"stream {name!r} declares no unit for {len(silent)} channels; taken as microvolts")
    return StreamInfo(
        name,
        info.type(),
        info.source_id(),
        info.nominal_srate(),
        labels,
        tuple(factors),
        tuple(warnings),
        delay_of(info),
        info.uid(),
    )


def delay_of(info: pylsl.StreamInfo) -> float:
    """Seconds to subtract from a stream's stamps, from its FULL header: what LSL calls the mean offset."""
    text = info.desc().child("synchronization").child_value("offset_mean").strip()
    try:
        delay_s = float(text or 0.0)
    except ValueError:
        delay_s = math.nan
    if not math.isfinite(delay_s):
        raise UnusableStream(
            f"stream {info.name()!r}: desc/synchronization/offset_mean is {text!r}, seconds are needed; set it in the "
            "sender"
        )
    return delay_s


def unit_factor(unit: str, channel_type: str = "eeg") -> float | None:
    """Factor from a unit's text to microvolts (fT and fT/cm for `mag` and `grad` channels), None if unknown.

    An integer is the power of ten of the base unit of the channel's type, as MNE writes it.
    """
    text = unit.strip().replace("µ", "u").replace("μ", "u").lower()
    if text in _NAMED:
        return 10.0 ** _NAMED[text]
    try:
        exponent = int(text)
    except ValueError:
        return None
    power = _POWER.get(channel_type)
    return 10.0 ** (exponent + power) if power is not None and -15 <= exponent <= 0 else None


def channel_rows(info: pylsl.StreamInfo) -> list[dict]:
    """Label, type and unit of each channel; `guessed` where there was no label but the stream's type and a number."""
    rows = []
    channel = info.desc().child("channels").child("channel")
    for k in range(info.channel_count()):
        label = channel.child_value("label") or channel.child_value("name")
        rows.append(
            {
                "label": label or f"{info.type() or 'ch'}{k + 1}",
                "guessed": not label,
                "type": channel.child_value("type"),
                "unit": channel.child_value("unit"),
            }
        )
        channel = channel.next_sibling("channel")
    return rows
