from dataclasses import dataclass, field

import numpy as np
import pytest

from realtime.bundle.compatibility import RATE_TOLERANCE, check_recording, check_stream
from realtime.errors import BadInput, UnusableStream
from realtime.recordings.recording import Recording
from realtime.stream import StreamInfo


@dataclass(frozen=True)
class Needs:
    name: str = "rhythms"
    sfreq: float = 250.0
    ch_names: list[str] = field(default_factory=lambda: ["Cz", "Oz"])
    rename: dict[str, str] = field(default_factory=dict)


def stream(sfreq: float = 250.0, ch_names: tuple[str, ...] = ("Oz", "Fz", "EEG Cz-Ref")) -> StreamInfo:
    return StreamInfo("amp", "EEG", "amp-1", sfreq, ch_names, (1.0,) * len(ch_names))


def recording(sfreq: float = 250.0, label: str = "owl") -> Recording:
    return Recording(np.zeros((10, 2), np.float32), sfreq, ("Cz", "Oz"), ((3, label),), (), "a.edf")


def test_columns_come_in_the_order_of_the_bundle():
    assert check_stream(stream(), Needs()).tolist() == [2, 0]


def test_renamed_channels_are_matched_by_their_new_name():
    assert check_stream(stream(ch_names=("A1x", "Oz")), Needs(rename={"A1x": "Cz"})).tolist() == [0, 1]


def test_a_rate_within_the_tolerance_fits():
    assert len(check_stream(stream(250.0 * (1 + 0.9 * RATE_TOLERANCE)), Needs())) == 2


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (stream(251.5), "stream 'amp' runs at 251.5 Hz, bundle 'rhythms' needs 250 Hz; set the amplifier"),
        (stream(ch_names=("Cz", "Fz")), "stream 'amp': found no channel 'Oz' among Cz, Fz"),
    ],
)
def test_a_stream_of_another_rate_or_without_a_channel_is_unusable(info, message):
    with pytest.raises(UnusableStream, match=message):
        check_stream(info, Needs())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (recording(sfreq=128.0), "a.edf: runs at 128 Hz, 'rhythms' decodes 250 Hz"),
        (recording(label="cat"), "a.edf: has label 'cat', which 'rhythms' does not know; it knows owl, sofa"),
    ],
)
def test_a_recording_of_another_rate_or_with_an_unknown_label_is_refused(wrong, message):
    with pytest.raises(BadInput, match=message):
        check_recording(wrong, "'rhythms'", 250.0, ("owl", "sofa"))


def test_a_recording_with_known_labels_fits():
    check_recording(recording(), "'rhythms'", 250.0, ("owl", "sofa"))
