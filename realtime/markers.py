"""Markers as text: one set of rules for files and live streams."""

from collections.abc import Sequence


def is_marker_stream(stream_type: str, channel_format: str, sfreq: float) -> bool:
    """Whether a stream carries events rather than a signal.

    Text always does; numbers do where the stream has no rate (`sfreq` 0 Hz) and its type says so.
    """
    kind = stream_type.casefold()
    return channel_format == "string" or (sfreq == 0 and ("marker" in kind or kind == "annotations"))


def is_one_hot(stream_type: str, channel_format: str, n_channels: int) -> bool:
    """Whether a value that is not 0 means the label of its channel, as in annotations that MNE streams."""
    return channel_format != "string" and (n_channels > 1 or stream_type.casefold() == "annotations")


def sample_labels(values: Sequence[object], ch_names: Sequence[str], one_hot: bool) -> list[str]:
    """Markers in one sample of a marker stream: its texts and numbers, or the labels of channels that are not 0."""
    if one_hot:
        return [normalise_marker(label) for label, value in zip(ch_names, values, strict=True) if value]
    texts = [normalise_marker(f"{value:g}" if isinstance(value, float) else value) for value in values]
    return [text for text in texts if text]


def decode_text(value: bytes) -> str:
    """Text of a marker: UTF-8, as LSL has it, else Latin-1, which older programs send."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def normalise_marker(label: object) -> str:
    """A marker as dataset files write it: without outer spaces, runs of spaces as one, and `1.0` as `1`."""
    text = " ".join(str(label).split())
    whole, point, zeros = text.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and not zeros.strip("0") else text
