from uuid import uuid4

from realtime.simulation.outlet import LiveOutlet
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.replayed_file import LABELS
from tests.helpers.waiting import PATIENCE_S


def test_an_outlet_declares_what_a_reader_needs():
    outlet = LiveOutlet(f"out-{uuid4().hex[:8]}", 250.0, LABELS)
    source = LslSource(StreamQuery(outlet.name, markers="none"), wait_s=PATIENCE_S)
    assert source.info.warnings == ()
    assert source.info.source_id == f"glimpse-{outlet.name}"
    source.close()
    outlet.close(drain_s=0.1)
