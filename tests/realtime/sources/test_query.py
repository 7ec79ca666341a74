import pytest

from realtime.sources.lsl.directory import StreamRow
from realtime.sources.query import StreamQuery

SIGNAL = StreamRow("amp", "EEG", "amp-1", 250.0, 8, "float32", "lab")


@pytest.mark.parametrize(("name", "expected"), [("amp", True), ("amp-1", True), ("amp-2", False)])
def test_a_query_matches_a_signal_by_name_or_source_id(name, expected):
    assert StreamQuery(name).matches(SIGNAL) == expected


def test_a_query_matches_no_marker_stream():
    assert not StreamQuery("amp").matches(SIGNAL._replace(type="Markers", sfreq=0.0, channel_format="string"))
