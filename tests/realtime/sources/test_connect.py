import pytest

from realtime.errors import BadInput
from realtime.sources import connect as module
from realtime.sources.query import StreamQuery


def test_a_name_is_an_lsl_stream(monkeypatch):
    monkeypatch.setattr(module, "LslSource", lambda query: ("lsl", query.name))
    assert module.connect(StreamQuery("amp")) == ("lsl", "amp")


def test_an_address_is_a_fieldtrip_buffer():
    with pytest.raises(BadInput, match="fieldtrip://localhost:1"):
        module.connect(StreamQuery("fieldtrip://localhost:1"))
