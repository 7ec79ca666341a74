"""Streams are found by name or source_id; ambiguous queries are refused with a list."""

from uuid import uuid4

import pylsl
import pytest

from realtime.errors import BadInput
from realtime.sources.lsl.directory import directory
from realtime.sources.lsl.search import find_streams
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.lsl_streams import SFREQ, outlet, reading
from tests.helpers.waiting import until


@pytest.fixture
def name():
    return f"test-{uuid4().hex[:8]}"


def wait_in_sight(*source_ids):
    """Until a search would find all of these streams."""

    def seen():
        directory().refresh()
        return set(source_ids) <= {stream.row.source_id for stream in directory().streams()}

    assert until(seen)


def test_two_streams_of_one_name_are_refused_and_a_source_id_selects_one(name):
    both = outlet(name, source_id=f"{name}-a"), outlet(name, source_id=f"{name}-b")
    wait_in_sight(f"{name}-a", f"{name}-b")
    with pytest.raises(BadInput, match=f"2 LSL streams match name '{name}'.*{name}-a.*{name}-b"):
        LslSource(StreamQuery(name))
    with reading(f"{name}-b") as source:
        assert (source.info.name, source.info.source_id) == (name, f"{name}-b")
    del both


def test_a_stream_that_does_not_exist_is_refused_with_the_visible_ones(name):
    out = outlet(name)
    with reading(name), pytest.raises(BadInput, match=f"no LSL stream matches name 'nothing-like-it'.*'{name}'"):
        LslSource(StreamQuery("nothing-like-it"), wait_s=0.3)
    del out


def test_a_name_with_quotes_of_both_kinds_is_found(name):
    odd = f'it\'s "{name}"'
    out = outlet(odd)
    with reading(odd) as source:
        assert source.info.name == odd
    del out


def test_find_streams_lists_signal_and_markers(name):
    out = outlet(name)
    marks = pylsl.StreamOutlet(pylsl.StreamInfo(f"{name}-markers", "Markers", 1, 0, "string", f"{name}-m"))

    def found():
        rows = {row.name: row for row in find_streams(1.0)}
        return rows if {name, f"{name}-markers"} <= rows.keys() else None

    rows = until(found)
    assert (rows[name].sfreq, rows[name].n_channels, rows[name].channel_format) == (SFREQ, 8, "float32")
    assert rows[f"{name}-markers"].type == "Markers"
    del out, marks


def test_excluded_streams_are_never_found(name):
    both = outlet(name, source_id=f"{name}-a"), outlet(name, source_id=f"{name}-b")
    wait_in_sight(f"{name}-a", f"{name}-b")
    first = LslSource(StreamQuery(f"{name}-a", f"{name}-markers"))
    second = LslSource(StreamQuery(name, f"{name}-markers", excluded_uids=frozenset({first.info.uid})))
    assert second.info.source_id == f"{name}-b"
    assert list(second.other_matches) == [first.info.uid]
    assert first.other_matches == {}
    with pytest.raises(BadInput, match=f"only '{name}'.*was there already"):
        LslSource(StreamQuery(f"{name}-a", excluded_uids=frozenset({first.info.uid})), wait_s=0.3)
    first.close()
    second.close()
    del both
