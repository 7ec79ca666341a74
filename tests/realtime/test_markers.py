import pytest

from realtime.markers import decode_text, is_marker_stream, is_one_hot, normalise_marker, sample_labels


@pytest.mark.parametrize(
    ("stream_type", "channel_format", "sfreq", "expected"),
    [
        ("Markers", "string", 0.0, True),
        ("Events", "string", 0.0, True),  # text is never a signal
        ("Markers", "int32", 0.0, True),
        ("Stimulus markers", "int32", 0.0, True),
        ("annotations", "double64", 0.0, True),
        ("Markers", "int32", 250.0, False),  # a trigger channel at the amplifier's rate is a signal
        ("EEG", "float32", 250.0, False),
        ("Gaze", "float32", 0.0, False),
    ],
)
def test_marker_streams_are_text_or_irregular_and_say_so(stream_type, channel_format, sfreq, expected):
    assert is_marker_stream(stream_type, channel_format, sfreq) == expected


def test_numbers_of_several_channels_or_annotations_are_one_hot():
    assert is_one_hot("Markers", "int32", 3)
    assert is_one_hot("annotations", "double64", 1)
    assert not is_one_hot("Markers", "int32", 1)
    assert not is_one_hot("annotations", "string", 2)


@pytest.mark.parametrize(
    ("text", "marker"),
    [("1.0", "1"), (" 1 ", "1"), ("S  1", "S 1"), ("-2.00", "-2"), ("1.5", "1.5"), ("a.0", "a.0"), (7, "7"), ("", "")],
)
def test_spellings_of_one_marker_are_normalised(text, marker):
    assert normalise_marker(text) == marker


def test_one_hot_samples_become_the_labels_of_their_channels():
    assert sample_labels([0.0, -1.0, 0.0], ("left", "right", "rest"), one_hot=True) == ["right"]
    assert sample_labels([2.5, 1.0, 0.0], ("left", "right", "rest"), one_hot=True) == ["left", "right"]


def test_texts_and_numbers_become_normalised_markers_and_empty_ones_are_left_out():
    assert sample_labels(["S  1", " ", "1.0"], ("", "", ""), one_hot=False) == ["S 1", "1"]
    assert sample_labels([3.0], ("",), one_hot=False) == ["3"]


def test_text_that_is_not_utf_8_is_read_as_latin_1():
    assert decode_text("café".encode()) == decode_text("café".encode("latin-1")) == "café"
