"""Marker streams are found, distinguished and read as text, also with errors of their senders."""

import ctypes
import math
import time
from contextlib import contextmanager
from uuid import uuid4

import pylsl
import pytest
from pylsl.lib import lib
from pylsl.util import InternalError

from realtime.sources.lsl.inlet import open_inlet
from realtime.sources.lsl.markers import SOURCE, MarkerReader
from tests.helpers.outlets import markers_of
from tests.helpers.waiting import until


@pytest.fixture
def name():
    return f"test-{uuid4().hex[:8]}"


def read_markers(reader, n):
    """At least `n` markers, in the order in which they were read."""
    found = []

    def complete():
        found.extend(reader.pull())
        return len(found) >= n

    assert until(complete), found
    return found


@contextmanager
def marker_reader(wanted, n_streams=1):
    reader = MarkerReader(wanted)
    try:
        until(lambda: len(reader.names) >= n_streams)
        assert len(reader.names) == n_streams
        yield reader
    finally:
        reader.close()


def test_a_marker_stream_that_appears_later_is_read(name):
    reader = MarkerReader(f"{name}-markers")
    assert reader.names == ()
    marks = pylsl.StreamOutlet(pylsl.StreamInfo(f"{name}-markers", "Markers", 1, 0, "string", f"{name}-m"))
    assert until(lambda: reader.names)
    marks.push_sample(["late but here"])
    assert read_markers(reader, 1)[0].label == "late but here"
    reader.close()


@pytest.mark.parametrize("wanted", ["markers", "source"])
def test_a_marker_stream_is_chosen_by_its_name_or_its_source_id(name, wanted):
    outlets = [
        pylsl.StreamOutlet(pylsl.StreamInfo(f"{rig}-markers", "Markers", 1, 0, "string", f"{rig}-source"))
        for rig in (name, f"other-{name}")
    ]
    reader = MarkerReader(f"{name}-{wanted}")
    assert until(lambda: reader.names)
    time.sleep(1.0)  # the other rig's would have been found by now
    reader.open_known()
    assert reader.names == (f"{name}-markers",)
    reader.close()
    del outlets


def test_our_own_decisions_are_no_markers(name):
    own = markers_of(f"{name}-decisions", source_id=f"{SOURCE}{name}-s1")
    theirs = markers_of(f"{name}-markers")
    with marker_reader(f"{name}-decisions, {name}-markers", 1) as reader:
        time.sleep(0.5)  # both are in sight by now
        assert reader.names == (f"{name}-markers",)
    del own, theirs


def test_marker_streams_are_selected_by_comma_separated_names_and_source_ids(name):
    outlets = [markers_of(f"{name}-{k}") for k in "abc"]
    with marker_reader(f"{name}-a, id-{name}-c", 2) as reader:
        time.sleep(0.3)
        reader.open_known()
        assert reader.names == (f"{name}-a", f"{name}-c")
        t = pylsl.local_clock()
        for k, out in enumerate(outlets):
            out.push_sample([f"from {k}"], t)
        assert sorted(m.label for m in read_markers(reader, 2)) == ["from 0", "from 2"]


def test_a_marker_sent_twice_with_one_stamp_is_read_once(name):
    """Within a millisecond, by one stream; the same label later, and another at the same time, are others."""
    out = markers_of(name)
    with marker_reader(name) as reader:
        t = pylsl.local_clock()
        for label, later_s in [("a", 0), ("b", 0), ("a", 0.0004), ("a", 0), ("a", 0.002), ("b", 0.5), ("end", 1)]:
            out.push_sample([label], t + later_s)
        found = read_markers(reader, 5)
    assert [m.label for m in found] == ["a", "b", "a", "b", "end"]
    later_s = [m.t_lsl - found[0].t_lsl for m in found]
    assert later_s == pytest.approx([0.0, 0.0, 0.002, 0.5, 1.0], abs=2e-4)


def test_a_broken_marker_stream_does_not_keep_others_from_being_read(name, monkeypatch, caplog):
    def opening(info, buffer_s):
        if info.name().endswith("-odd"):
            raise InternalError("could not create stream inlet.")
        return open_inlet(info, buffer_s)

    monkeypatch.setattr("realtime.sources.lsl.markers.open_inlet", opening)
    odd = markers_of(f"{name}-odd")
    with marker_reader(f"{name}-odd, {name}-markers", 0) as reader:
        assert until(lambda: caplog.records or not reader._thread.is_alive())
        fine = markers_of(f"{name}-markers")
        until(lambda: reader.names)
        assert reader.names == (f"{name}-markers",)
    assert [record.getMessage() for record in caplog.records] == [
        f"marker stream '{name}-odd' cannot be read: could not create stream inlet."
    ]
    del odd, fine


def test_text_that_is_not_utf_8_is_latin_1_and_no_marker_is_lost(name):
    out = markers_of(name)
    with marker_reader(name) as reader:
        t = pylsl.local_clock()
        for label in (b"before", "café".encode("latin-1"), "café".encode(), b"after"):
            lib.lsl_push_sample_strtp(out.obj, (ctypes.c_char_p * 1)(label), ctypes.c_double(t), 1)
            t += 1.0
        assert [m.label for m in read_markers(reader, 4)] == ["before", "café", "café", "after"]


def test_markers_without_a_time_come_last(name):
    out = markers_of(name)
    with marker_reader(name) as reader:
        t = pylsl.local_clock()
        for label, stamp in [("b", t + 1), ("none", math.nan), ("a", t), ("none", math.nan), ("far", math.inf)]:
            out.push_sample([label], stamp)
        found = read_markers(reader, 5)
    assert sorted(m.label for m in found) == ["a", "b", "far", "none", "none"]
    assert all(math.isnan(m.t_lsl) == (m.label == "none") for m in found)
