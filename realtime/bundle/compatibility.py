"""Whether a live stream or a recording fits what a bundle or a trained run decodes."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from realtime.errors import BadInput, UnusableStream
from realtime.sensors.montage import match_channels, rename_channels
from realtime.stream import StreamInfo

RATE_TOLERANCE = 0.005  # relative difference between a stream's nominal rate and the bundle's
MAX_LABELS_IN_MESSAGE = 10


class InputDescription(Protocol):
    """The input of a network, as a bundle's manifest or a run's description declares it."""

    @property
    def name(self) -> str:
        """Name of the bundle, for messages."""

    @property
    def sfreq(self) -> float:
        """Rate of the stream, Hz."""

    @property
    def ch_names(self) -> list[str]:
        """Channels in the network's order."""

    @property
    def rename(self) -> dict[str, str]:
        """Name in the stream -> name in `ch_names`."""


class LabelledRecording(Protocol):
    """The fields of a recording that `check_recording` reads."""

    @property
    def name(self) -> str:
        """Path of the file, for messages."""

    @property
    def sfreq(self) -> float:
        """Rate, Hz."""

    @property
    def markers(self) -> Sequence[tuple[int, str]]:
        """Row and label of each marker."""


def check_stream(info: StreamInfo, needs: InputDescription) -> np.ndarray:
    """The stream's column of each channel of the bundle, int (n_channels,).

    `UnusableStream` if the nominal rate differs by more than `RATE_TOLERANCE` or a channel is missing.
    """
    if abs(info.sfreq / needs.sfreq - 1) > RATE_TOLERANCE:
        raise UnusableStream(
            f"stream {info.name!r} runs at {info.sfreq:g} Hz, bundle {needs.name!r} needs {needs.sfreq:g} Hz; set the "
            "amplifier to that rate or train at this one"
        )
    try:
        return match_channels(needs.ch_names, rename_channels(info.ch_names, needs.rename), f"stream {info.name!r}")
    except BadInput as error:
        raise UnusableStream(str(error)) from None


def check_recording(recording: LabelledRecording, model: str, sfreq: float, labels: Sequence[str]) -> None:
    """`BadInput` if `model` decodes another rate, or does not know a label of the recording."""
    if recording.sfreq != sfreq:
        raise BadInput(
            f"{recording.name}: runs at {recording.sfreq:g} Hz, {model} decodes {sfreq:g} Hz; name recordings of that "
            "rate"
        )
    if unknown := sorted({label for _, label in recording.markers} - set(labels)):
        listing = f"{', '.join(labels[:MAX_LABELS_IN_MESSAGE])}{', ...' if len(labels) > MAX_LABELS_IN_MESSAGE else ''}"
        raise BadInput(
            f"{recording.name}: has label {unknown[0]!r}, which {model} does not know; it knows {listing}; correct "
            "events or train with that label"
        )
