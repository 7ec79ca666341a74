"""The header of an LSL stream: labels, units, rate and format, checked before a sample is used."""

import math
from typing import NamedTuple

import pylsl

from realtime.errors import UnusableStream
from realtime.sensors.units import channel_factor
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


class ChannelInfo(NamedTuple):
    """One channel as the header declares it; empty where the header leaves it out."""

    label: str
    has_label: bool  # False: `label` is the stream's type and a number
    type: str
    unit: str


def read_header(info: pylsl.StreamInfo) -> StreamInfo:
    """Description of a signal stream from its FULL header (`StreamInlet.info()`).

    `UnusableStream` for text streams, streams without a rate, repeated labels and unknown units. What had to be assumed
    is listed in `warnings`.
    """
    name = info.name()
    channel_format = FORMATS.get(info.channel_format(), "undefined")
    if channel_format in ("string", "undefined"):
        raise UnusableStream(
            f"stream {name!r}: channel_format is {channel_format}, a signal needs numbers; pick another stream"
        )
    if not info.nominal_srate() > 0:
        raise UnusableStream(
            f"stream {name!r}: nominal_srate is 0, a signal needs its rate in Hz; set it in the sender"
        )
    channels = read_channels(info)
    labels = tuple(channel.label for channel in channels)
    if repeated := sorted({label for label in labels if labels.count(label) > 1}):
        raise UnusableStream(
            f"stream {name!r}: label {repeated[0]!r} is given twice, labels must differ; rename in the sender"
        )
    return StreamInfo(
        name,
        info.type(),
        info.source_id(),
        info.nominal_srate(),
        labels,
        tuple(_factor(channel, name) for channel in channels),
        tuple(_warnings(channels, name)),
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


def read_channels(info: pylsl.StreamInfo) -> list[ChannelInfo]:
    """Every channel of a stream in order, from its FULL header."""
    channels = []
    node = info.desc().child("channels").child("channel")
    for k in range(info.channel_count()):
        label = node.child_value("label") or node.child_value("name")
        fallback = f"{info.type() or 'ch'}{k + 1}"
        channels.append(ChannelInfo(label or fallback, bool(label), node.child_value("type"), node.child_value("unit")))
        node = node.next_sibling("channel")
    return channels


def _factor(channel: ChannelInfo, stream: str) -> float:
    factor = channel_factor(channel.unit, channel.type)
    if factor is None:
        raise UnusableStream(
            f"stream {stream!r}: channel {channel.label!r} has unit {channel.unit!r}, known are V, mV, uV, nV and "
            "exponents such as -6; set the unit in the sender"
        )
    return factor


def _warnings(channels: list[ChannelInfo], stream: str) -> list[str]:
    warnings = []
    if unlabelled := [channel.label for channel in channels if not channel.has_label]:
        warnings.append(
            f"stream {stream!r} does not label {len(unlabelled)} of its channels; called {', '.join(unlabelled)}"
        )
    if n_without_unit := sum(not channel.unit for channel in channels):
        warnings.append(f"stream {stream!r} declares no unit for {n_without_unit} channels; taken as microvolts")
    return warnings
