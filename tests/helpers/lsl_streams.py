"""LSL outlets of this process, and sources that read them."""

from contextlib import contextmanager

import pylsl

from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.waiting import PATIENCE_S

LABELS = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")


SFREQ = 250.0


def outlet(name, labels=LABELS, sfreq=SFREQ, form="float32", unit="microvolts", key="label", source_id=None):
    info = pylsl.StreamInfo(name, "EEG", len(labels), sfreq, form, source_id or f"id-{name}")
    info._set_channel_info(list(labels), key)
    info.set_channel_types("EEG")
    if unit:
        info.set_channel_units(unit)
    return pylsl.StreamOutlet(info)


@contextmanager
def reading(name, markers=None):
    """The source called `name`, with the marker streams that belong to this test only."""
    source = LslSource(StreamQuery(name, markers or f"{name}-markers"), wait_s=PATIENCE_S)
    try:
        yield source
    finally:
        source.close()
