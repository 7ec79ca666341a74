from uuid import uuid4

import pylsl
import pytest

from realtime.diagnostics.lsl_checks import liblsl_cure, streams


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows"])
def test_every_system_has_advice_for_a_missing_library(system):
    assert "github.com/sccn/liblsl" in liblsl_cure(system)


def test_two_streams_with_one_source_id_are_reported():
    source_id = f"twin-{uuid4().hex}"
    outlets = [
        pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 100.0, pylsl.cf_float32, source_id)) for name in ("a", "b")
    ]
    found = streams()
    assert len(outlets) == 2
    assert found.state == "warn"
    assert f"source_id '{source_id}'" in found.advice
