"""A FieldTrip buffer over a real socket: the same samples, exact gaps, markers at their sample."""

import sys
import time
from uuid import uuid4

import numpy as np
import pylsl
import pytest

from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput, StreamLost, UnusableStream
from realtime.preprocess.config import PreprocessConfig
from realtime.sources.connect import connect
from realtime.sources.fieldtrip.source import FieldTripSource, address
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.bundles import LABELS, tiny_bundle
from tests.helpers.engines import engine, same_decisions
from tests.helpers.fieldtrip_server import FieldTripServer, fif_header
from tests.helpers.recordings import shared_meg
from tests.helpers.waiting import PATIENCE_S, until

NAMES = ("MEG 0111", "MEG 0112", "STI101")
SAMPLES = (1e-12 * np.random.default_rng(0).standard_normal((4000, 3)) * [1, 10, 0]).astype(np.float32)
HELMET = tuple(f"MEG {unit:03d}{kind}" for unit in range(1, 103) for kind in (1, 2, 3))


@pytest.fixture
def server():
    made = FieldTripServer()
    made.begin(3, 1000.0, NAMES, ring=500)
    yield made
    made.kill()


@pytest.fixture
def source(server):
    made = FieldTripSource(StreamQuery(server.url))
    yield made
    made.close()


def pulled(source: FieldTripSource):
    """The one chunk that is there, and the markers."""
    [chunk], markers = source.pull(2.0)
    return chunk, markers


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
def test_samples_are_those_of_the_buffer_bit_for_bit_in_our_units(server, dtype):
    samples = SAMPLES if dtype.startswith("float") else np.random.default_rng(1).integers(-9999, 9999, (400, 3))
    samples = samples[:400].astype(dtype)
    server.begin(3, 1000.0, NAMES, dtype)
    server.put(samples[:7])  # before anybody reads
    source = FieldTripSource(StreamQuery(server.url))
    chunks = []
    for at in (7, 8, 100, 101, 333):
        server.put(samples[at : {7: 8, 8: 100, 100: 101, 101: 333, 333: 400}[at]])
        chunks += source.pull(2.0)[0]
    source.close()
    assert [chunk.index for chunk in chunks] == [0, 1, 93, 94, 326]
    assert not any(chunk.gap_samples for chunk in chunks)
    want = samples[7:].astype(np.float64) * [1e15, 1e13, 1]
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), want)


def test_a_pull_waits_for_the_requested_samples_within_its_time(server, source):
    server.put(SAMPLES[:10])
    began = time.monotonic()
    chunks, _ = source.pull(0.3, min_samples=20)
    assert time.monotonic() - began > 0.25
    assert len(chunks[0].samples) == 10
    began = time.monotonic()
    assert source.pull(2.5) == ([], [])  # longer than an answer may take
    assert time.monotonic() - began > 2.4
    playing = server.play(SAMPLES[10:50], 1000.0, packet=10)
    [chunk], _ = source.pull(10.0, min_samples=30)
    playing.join()
    assert len(chunk.samples) >= 30
    source.pull(0.1)
    assert source.pull(0.0) == ([], [])


@pytest.mark.parametrize("behind", [501, 800, 1400, 3600])
def test_what_a_slow_reader_lost_is_a_gap_of_exactly_known_size(server, source, behind):
    server.put(SAMPLES[:100])
    first, _ = pulled(source)
    server.put(SAMPLES[100 : 100 + behind])  # more than the ring of 500 holds
    chunks = []
    while not chunks or chunks[-1].index + len(chunks[-1].samples) < 100 + behind:
        chunks += source.pull(2.0)[0]
    assert len(first.samples) == 100
    assert chunks[0].gap_samples == chunks[0].index - 100
    assert behind - 500 <= chunks[0].gap_samples < behind
    rows = np.concatenate([chunk.samples for chunk in chunks])
    want = SAMPLES[chunks[0].index : 100 + behind].astype(np.float64) * source.info.unit_to_uv
    np.testing.assert_array_equal(rows, want)


def test_times_are_those_of_arrival_less_the_delay_of_the_way(server):
    source = FieldTripSource(StreamQuery(server.url, delay_s=2.0))
    server.put(SAMPLES[:100])
    began = pylsl.local_clock()
    chunk, _ = pulled(source)
    source.close()
    assert began - 2.01 < chunk.time_of(99) < pylsl.local_clock() - 1.99


def test_events_become_markers_at_their_sample_in_the_words_of_a_recording(server, source):
    server.event("trigger", "before anything", 0)
    assert source.pull(0.2) == ([], [])  # without a sample nobody knows when it was
    server.put(SAMPLES[:200])
    chunk, markers = pulled(source)
    assert [(m.label, chunk.index_of(m.t_lsl)) for m in markers] == [("before anything", 0)]
    for value, sample in (
        (5, 210),
        (16_777_216, 215),
        (2.5, 399),
        (" left  hand ", 250),
        ("", 260),
        ("early", 120),
        ("ahead", 700),
    ):
        server.event("stimulus", value, sample)
    server.put(SAMPLES[200:400])
    chunk, markers = pulled(source)
    assert [(m.label, chunk.index_of(m.t_lsl)) for m in markers] == [
        ("5", 210), ("16777216", 215), ("2.5", 399), ("left hand", 250), ("stimulus", 260), ("early", 120),
        ("ahead", 700),
    ]  # fmt: skip


def test_events_from_before_the_session_are_none_of_its_markers(server):
    server.put(SAMPLES[:50])
    server.event("trigger", "old", 10)
    source = FieldTripSource(StreamQuery(server.url))
    server.event("trigger", "new", 60)
    server.put(SAMPLES[50:100])
    chunk, markers = pulled(source)
    source.close()
    assert [(m.label, chunk.index_of(m.t_lsl)) for m in markers] == [("new", 10)]


def test_an_overfull_event_buffer_gives_the_newest_events_and_logs_the_loss(server, source, caplog):
    for k in range(150):
        server.event("trigger", str(k), k)
    server.put(SAMPLES[:100])
    _, markers = pulled(source)
    assert [m.label for m in markers] == [str(k) for k in range(75, 150)]
    assert "75 events were overwritten" in caplog.text


def test_trigger_codes_are_placed_at_their_first_sample_however_they_are_cut(server):
    codes = np.zeros(300)
    codes[50:60], codes[60:70], codes[70:80], codes[200:] = 5, 7, 6, 16384
    samples = np.column_stack([SAMPLES[:300, :2], codes]).astype(np.float32)
    for cuts in ([300], [55, 60, 61, 300], range(1, 301)):
        server.begin(3, 1000.0, NAMES)
        source = FieldTripSource(StreamQuery(server.url, markers="STI101"))
        assert source.marker_names == ("STI101",)
        found, at = [], 0
        for stop in cuts:
            server.put(samples[at:stop])
            chunk, markers = pulled(source)
            found += [(m.label, chunk.index_of(m.t_lsl)) for m in markers]
            at = stop
        source.close()
        assert found == [("5", 50), ("7", 60), ("16384", 200)]  # as mne.find_events: a code that comes up


def test_markers_may_come_over_lsl_instead_of_the_buffer(server):
    name = f"test-{uuid4().hex[:8]}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0, "string", name))
    source = FieldTripSource(StreamQuery(server.url, markers=name))
    assert outlet.wait_for_consumers(PATIENCE_S)
    outlet.push_sample(["go"], t := pylsl.local_clock())

    def markers():
        server.event("trigger", "of the buffer", 1)
        server.put(SAMPLES[:10])
        return source.pull(0.1)[1]

    found = until(markers, every_s=0.02)
    source.close()
    assert found[0].label == "go"
    assert found[0].t_lsl == pytest.approx(t, abs=0.01)


# --- ends


def test_a_buffer_that_was_killed_hangs_or_begins_anew_is_lost(server, source, monkeypatch):
    server.put(SAMPLES[:100])
    pulled(source)
    server.begin(3, 1000.0, NAMES)
    with pytest.raises(StreamLost, match="the acquisition began anew"):
        source.pull(0.1)
    monkeypatch.setattr("realtime.sources.fieldtrip.source.ANSWER_S", 0.3)
    second = FieldTripSource(StreamQuery(server.url))
    server.hang_s = 1.0
    with pytest.raises(StreamLost, match="the connection broke"):
        second.pull(0.1)
    second.close()
    server.hang_s = 0.0
    third = FieldTripSource(StreamQuery(server.url))
    server.kill()
    with pytest.raises(StreamLost, match="the connection broke"):
        third.pull(0.1)
    third.close()


def test_a_paused_acquisition_is_lost(server, source, monkeypatch):
    clock = iter(np.arange(100, 400) * 0.1 + np.where(np.arange(300) > 50, 20.0, 0.0))
    monkeypatch.setattr("realtime.sources.fieldtrip.source.local_clock", lambda: next(clock))

    def read(n: int) -> None:
        for _ in range(n):
            server.put(SAMPLES[:100])
            pulled(source)

    read(51)
    with pytest.raises(StreamLost, match="the acquisition paused"):
        read(20)


def test_what_cannot_be_opened_is_refused_in_a_sentence(server, monkeypatch):
    server.header = None
    with pytest.raises(BadInput, match="the buffer is empty, a header is needed; start the acquisition"):
        connect(StreamQuery(server.url))
    server.begin(2, 1000.0, ("Cz", "Cz"))
    with pytest.raises(UnusableStream, match="label 'Cz' is given twice"):
        connect(StreamQuery(server.url))
    server.begin(2, 1000.0, ("Cz", "Pz"), dtype="char")
    with pytest.raises(UnusableStream, match="data type 0 is text"):
        connect(StreamQuery(server.url))
    for name in [name for name in sys.modules if name.startswith("mne_realtime")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mne_realtime", None)
    with pytest.raises(BadInput, match=r"needs mne-realtime .*; pip install 'glimpse-bci\[meg\]'"):
        connect(StreamQuery(server.url))


def test_an_address_without_a_buffer_is_refused():
    gone = FieldTripServer()
    gone.kill()
    with pytest.raises(
        BadInput, match="no FieldTrip buffer answers .*; start the acquisition or correct host and port"
    ):
        connect(StreamQuery(gone.url))


def test_addresses_are_read_and_bad_ones_refused():
    assert address("fieldtrip://meg-acq") == ("meg-acq", 1972)
    assert address("fieldtrip://10.0.0.7:1973/") == ("10.0.0.7", 1973)
    for url in ("fieldtrip://", "fieldtrip://:1972", "fieldtrip://a:b", "fieldtrip://a:99999", "fieldtrip://a:0",
                "fieldtrip://a/b", "fieldtrip://me@a", "http://a"):  # fmt: skip
        with pytest.raises(BadInput, match="a FieldTrip buffer is fieldtrip://host:port"):
            address(url)


def test_any_other_name_is_an_lsl_stream():
    name = f"test-{uuid4().hex[:8]}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 1, 100, "float32", name))
    source = connect(StreamQuery(name))
    assert isinstance(source, LslSource)
    source.close()
    del outlet


# --- sessions


def test_a_session_decodes_a_helmet_of_306_sensors_at_1_khz_as_a_file_would_be(tmp_path, server):
    preprocess = PreprocessConfig(reference="none")
    decoder = Decoder(tiny_bundle(tmp_path / "tiny", HELMET, 1000.0, preprocess=preprocess))
    rng = np.random.default_rng(2)
    samples = (1e-12 * rng.standard_normal((4000, 306))).astype(np.float32)
    server.begin(306, 1000.0, HELMET)
    with engine(connect) as (running, log):
        running.open("s1", decoder, StreamQuery(server.url))
        log.wait(lambda: "assumed" in log.states())
        events = {900: LABELS[0], 1900: LABELS[1], 2777: LABELS[2]}
        server.play(samples, 1000.0, packet=28, events=events)
        log.wait_decisions(60)
        n = 3900 * 128 // 1000 // 8
        got = log.wait_decisions(n)
    factors = np.tile([1e15, 1e13, 1e13], 102)
    want, _ = decoder.step(samples.astype(np.float64) * factors, decoder.start(), sorted(events))
    assert len({d["trial"] for d in got}) == 4
    same_decisions(got[:n], want[:n])


def test_a_session_reconnects_to_a_killed_buffer_and_refuses_another_header(tmp_path):
    decoder = Decoder(tiny_bundle(tmp_path / "tiny", NAMES[:2], 1000.0))
    first = FieldTripServer()
    first.begin(3, 1000.0, NAMES)
    with engine(connect) as (running, log):
        running.open("s1", decoder, StreamQuery(first.url))
        log.wait(lambda: "assumed" in log.states())
        first.play(SAMPLES[:1000], 1000.0, packet=20)
        log.wait_decisions(5)
        first.kill()
        log.wait(lambda: "lost" in log.states())
        second = FieldTripServer(first.port)
        second.begin(3, 1000.0, NAMES)
        second.play(SAMPLES, 1000.0, packet=20)
        log.wait(lambda: "reconnected" in log.states())
        log.wait_decisions(len(log.of("decision")) + 5)
        second.begin(1, 1000.0, ["MEG 0111"])
        log.wait(lambda: "mismatch" in log.states())
        assert "found no channel 'MEG 0112'" in log.detail("mismatch")
    second.kill()


def test_a_real_measurement_is_played_with_the_units_of_its_header_and_its_triggers(server):
    raw = shared_meg()
    data = raw.get_data().T.astype(np.float32)
    trigger = raw.ch_names.index("STI 014")
    data[:, trigger] = 0
    data[100:120, trigger] = 3
    server.begin(len(raw.ch_names), raw.info["sfreq"], raw.ch_names, chunks=[(8, fif_header(raw.info))])
    source = FieldTripSource(StreamQuery(server.url, markers="STI 014"))
    server.put(data)
    chunk, markers = pulled(source)
    source.close()
    scale = {"mag": 1e15, "grad": 1e13, "eeg": 1e6, "eog": 1e6, "stim": 1.0}
    want = data.astype(np.float64) * [scale[kind] for kind in raw.get_channel_types()]
    np.testing.assert_array_equal(chunk.samples, want)
    assert [(m.label, chunk.index_of(m.t_lsl)) for m in markers] == [("3", 100)]


def test_a_session_reports_head_movement_in_mm_also_after_a_reconnection(tmp_path, server):
    decoder = Decoder(tiny_bundle(tmp_path / "tiny", NAMES[:2], 1000.0))
    names = (*NAMES[:2], *(f"QUAT{k:03d}" for k in range(1, 7)))
    server.begin(8, 1000.0, names)

    def at(z_mm: float, n_times: int = 200) -> np.ndarray:
        position = np.tile(np.float32([0, 0, 0, 0, 0, z_mm / 1e3]), (n_times, 1))
        return np.hstack([SAMPLES[:n_times, :2], position])

    with engine(connect) as (running, log):
        running.open("s1", decoder, StreamQuery(server.url))
        log.wait(lambda: "assumed" in log.states())
        server.play(np.vstack([at(0), at(40), at(43), at(41)]), 1000.0, packet=20).join()
        log.wait_decisions(10)
        assert "head_moved" not in log.states()
        server.begin(8, 1000.0, names)
        log.wait(lambda: "lost" in log.states())
        server.play(np.tile(at(46.5), (20, 1)), 1000.0, packet=20)
        log.wait(lambda: "head_moved" in log.states())
        assert log.detail("head_moved").startswith("The head is 6.5 mm from where it was when the session began")
