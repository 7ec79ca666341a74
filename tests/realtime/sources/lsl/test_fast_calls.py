import uuid

import pylsl

from realtime.sources.lsl.fast_calls import local_clock, samples_available
from tests.helpers.waiting import until


def test_the_clock_is_the_one_that_pylsl_reads():
    before = pylsl.local_clock()
    now = local_clock()
    assert before <= now <= pylsl.local_clock()


def test_samples_are_counted_as_they_come_and_go():
    name = f"quick-{uuid.uuid4().hex}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 100.0, source_id=name))
    (found,) = pylsl.resolve_byprop("name", name, timeout=10)
    inlet = pylsl.StreamInlet(found)
    inlet.open_stream(timeout=10)
    assert samples_available(inlet) == 0
    for _ in range(5):
        outlet.push_sample([1.0, 2.0])
    until(lambda: samples_available(inlet) >= 5)
    assert (samples_available(inlet), inlet.samples_available()) == (5, 5)
    inlet.pull_chunk(timeout=0.0, max_samples=3)
    assert samples_available(inlet) == 2
