"""Markers as text, whichever of the usual formats they come in, live and in a file."""

from collections.abc import Sequence


def sample_labels(value: Sequence, ch_names: Sequence[str], one_hot: bool) -> list[str]:
    """Labels in one sample of a marker stream: text and numbers as they are, one-hot channels by their label."""
    if one_hot:
        return [label for label, x in zip(ch_names, value, strict=True) if x]
    texts = [f"{x:g}" if isinstance(x, float) else str(x).strip() for x in value]
    return [text for text in texts if text]


def decode_text(value: bytes) -> str:
    """Text as LSL has it, UTF-8; what is none was sent by a program of the Latin-1 era."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def normalise_marker(label: object) -> str:
    """A marker as the string a dataset file writes: `1.0`, ` 1` and `1` are one marker, and so are runs of spaces."""
    text = " ".join(str(label).split())
    whole, point, zeros = text.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and not zeros.strip("0") else text
