"""A session finds its stream, checks it, follows it through loss and return, and says what happens in a sentence."""

import re
import time
from uuid import uuid4

import numpy as np
import pylsl
import pytest

from realtime.decoder import Decoder
from realtime.errors import BadInput, StreamLost
from realtime.lsl import LslSource, StreamQuery
from realtime.stream import Marker
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle
from tests.helpers.engines import T0, ArraySource, chunk, decoding, engine, marker, same_decisions

SFREQ = 160.0
SAMPLES = (20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500).astype(np.float32).astype(float)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("session") / "tiny", sfreq=SFREQ))


@pytest.fixture(scope="module")
def want(decoder):
    return decoder.step(SAMPLES, decoder.start())[0]


@pytest.fixture
def name():
    return f"test-{uuid4().hex[:8]}"


def whole(samples=SAMPLES, index=0, markers=(), t0=T0):
    return [chunk(samples, index, SFREQ, t0=t0)], list(markers)


def source(*script, ch_names=CH_NAMES, sfreq=SFREQ):
    return ArraySource(ch_names, sfreq, script)


# --- from arrays


@pytest.mark.parametrize("found", [CH_NAMES[::-1], ("EEG O2-REF", "oz", "O1.", "PZ", "c4", "CZ", "C3", "FZ", "ECG")])
def test_permuted_and_otherwise_spelled_channels_are_read_by_name(decoder, want, found):
    rows = np.zeros((1600, len(found)))
    rows[:, :8] = SAMPLES[:, ::-1]
    with decoding(decoder, source(whole(rows), ch_names=found)) as log:
        same_decisions(log.wait_decisions(160), want)
        log.wait(lambda: log.of("signal"))
    assert np.array_equal(log.of("signal")[0]["samples"], SAMPLES.astype(np.float32))


def test_a_channel_renamed_in_the_dataset_file_is_found_under_the_amplifiers_name(tmp_path, want):
    """The electrode on `Right AUX` was called Oz in training; live the headband still says Right AUX."""
    renaming = Decoder(tiny_bundle(tmp_path / "tiny", sfreq=SFREQ, rename={"Right AUX": "Oz"}))
    found = tuple("right aux" if name == "Oz" else name for name in CH_NAMES)
    with decoding(renaming, source(whole(), ch_names=found)) as log:
        same_decisions(log.wait_decisions(len(want)), want)


def test_a_stream_of_the_wrong_rate_or_without_a_channel_is_refused_until_one_fits(decoder, want):
    wrong_rate = source(whole(), sfreq=250.0)
    no_oz = source(whole(SAMPLES[:, :7]), ch_names=tuple(c for c in CH_NAMES if c != "Oz"))
    with decoding(decoder, wrong_rate, no_oz, source(whole())) as log:
        same_decisions(log.wait_decisions(160), want)
    assert log.states()[:4] == ["connecting", "mismatch", "mismatch", "live"]
    first, second = (s["detail"] for s in log.of("status")[1:3])
    assert "'arrays' runs at 250 Hz, bundle 'tiny' needs 160 Hz" in first
    assert "found no channel 'Oz' among Fz" in second


def test_a_stream_that_returns_counts_on_by_the_clock(decoder):
    first, state = decoder.step(SAMPLES[:805], decoder.start(), [100])
    second, _ = decoder.step(SAMPLES[805:], decoder.skip(state, 320), [1500])
    back = T0 + (805 + 320) / SFREQ
    returned = source(whole(SAMPLES[805:], t0=back, markers=[marker(LABELS[1], 1500, SFREQ)]))
    lost = source(whole(SAMPLES[:805], markers=[marker(LABELS[0], 100, SFREQ)]), StreamLost("stream 'arrays' was lost"))
    with decoding(decoder, lost, returned) as log:
        same_decisions(log.wait_decisions(len(first + second)), first + second)
    assert log.states()[:3] == ["connecting", "live", "lost"]
    assert set(log.states()[3:]) == {"live", "reconnected"}  # from two threads
    assert log.detail("reconnected") == "Samples arrive again; 320 were lost."
    assert [s["lasting"] for s in log.of("status") if s["state"] == "reconnected"] == [False]
    assert [t["trial"] for t in log.of("trial")] == [0, 1]


def test_a_stream_lost_while_it_is_opened_and_a_broken_reader_are_told_and_tried_again(decoder, want):
    answers = iter([StreamLost("stream 'arrays' does not answer"), BadInput("nothing in sight"), RuntimeError("cable")])

    def connect(query):
        if error := next(answers, None):
            raise error
        return source(whole())

    with engine(connect) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays"))
        same_decisions(log.wait_decisions(160), want)
    details = [status["detail"] for status in log.of("status")]
    assert details[:3] == ["Looking for name 'arrays'.", "stream 'arrays' does not answer", "nothing in sight"]
    assert "RuntimeError('cable')" in details[3]


def test_an_exception_of_the_source_is_told_and_the_stream_opened_again(decoder, want):
    with decoding(decoder, source(RuntimeError("cable")), source(whole())) as log:
        got = log.wait_decisions(160)
    assert "RuntimeError('cable')" in log.detail("lost")
    np.testing.assert_array_equal([d["embedding"] for d in got], [d.embedding for d in want])


def test_a_silent_stream_is_stale_once_and_live_again_with_its_next_sample(decoder):
    script = [*(whole(SAMPLES[:160]),), 1.2, 0.3, whole(SAMPLES[160:], 160)]
    with decoding(decoder, source(*script)) as log:
        log.wait_decisions(160)
    assert log.states()[:4] == ["connecting", "live", "stale", "live"]
    assert all(status["lasting"] for status in log.of("status"))
    assert "No sample from 'arrays' for 1 s" in log.detail("stale")


def test_samples_that_are_no_numbers_are_told_once_a_burst_and_flagged(decoder):
    x = SAMPLES.copy()
    x[300:340, 2] = np.nan
    x[900, 5] = np.inf
    want, _ = decoder.step(x, decoder.start())
    with decoding(decoder, source(whole(x))) as log:
        same_decisions(log.wait_decisions(160), want)
    told = [s["detail"] for s in log.of("status") if s["state"] == "bad_samples"]
    assert [t.split(":")[0] for t in told] == ["NaN or Inf from Cz", "NaN or Inf from O1"]
    assert all(np.isfinite(d["embedding"]).all() for d in log.of("decision"))


def test_a_bad_channel_is_told_with_its_reason_and_told_again_when_it_is_good(decoder):
    x = SAMPLES.copy()
    x[300:800, 2] = x[300, 2]
    want, _ = decoder.step(x, decoder.start())
    with decoding(decoder, source(whole(x))) as log:
        same_decisions(log.wait_decisions(160), want)
    told = [s for s in log.of("status") if s["state"] == "bad_channels"]
    assert [s["detail"] for s in told] == ["Interpolated from the others: Cz (flat).", "Good again: Cz."]
    assert not any(s["lasting"] for s in told)


def test_a_late_marker_is_told_and_one_before_the_first_sample_waits_for_it(decoder):
    early, late, other = marker(LABELS[0], 40, SFREQ), marker(LABELS[1], 300, SFREQ), marker("pause", 310, SFREQ)
    script = [([], [early]), whole(SAMPLES[:400]), ([], [late, other]), whole(SAMPLES[400:], 400)]
    first, state = decoder.step(SAMPLES[:400], decoder.start(), [40])
    second, _ = decoder.step(SAMPLES[400:], state, [300])
    with decoding(decoder, source(*script)) as log:
        same_decisions(log.wait_decisions(160), first + second)
    assert log.detail("late_marker") == "Marker 'teapot' came 625 ms after its sample."
    assert [(t["marker"], t["trial"]) for t in log.of("trial")] == [(LABELS[0], 0), (LABELS[1], 1)]
    assert log.states().count("late_marker") == 1


def test_a_marker_stamped_by_another_clock_is_told_and_starts_no_trial(decoder):
    wall = Marker(LABELS[1], time.time())
    with decoding(decoder, source(whole(markers=[wall, marker(LABELS[0], 100, SFREQ)]))) as log:
        want, _ = decoder.step(SAMPLES, decoder.start(), [100])
        same_decisions(log.wait_decisions(160), want)
    assert re.match(r"Marker 'teapot' is stamped \d+ s ahead of the signal", log.detail("bad_marker"))
    assert [(t["marker"], t["trial"]) for t in log.of("trial")] == [(LABELS[0], 0)]


def test_traces_are_the_samples_at_about_128_hz(tmp_path):
    fast = Decoder(tiny_bundle(tmp_path / "fast", sfreq=1000.0))
    with decoding(fast, ArraySource(CH_NAMES, 1000.0, [([chunk(SAMPLES[:700], 0, 1000.0)], [])])) as log:
        log.wait(lambda: log.of("signal"))
    (frame,) = log.of("signal")
    assert (frame["samples"].shape, frame["t_first"]) == ((100, 8), T0)
    assert frame["sfreq"] == pytest.approx(1000 / 7)
    np.testing.assert_allclose(frame["samples"][3], SAMPLES[21:28].mean(axis=0), rtol=1e-6)


def test_a_wrong_rate_is_a_mismatch_through_gaps_until_the_stamps_show_the_right_one(decoder):
    """Meanwhile nothing is decoded, markers wait for the samples, and silence is told."""
    pieces = [whole(SAMPLES[k : k + 160], k) for k in range(0, 640, 160)]
    pieces[2] = (pieces[2][0], [marker(LABELS[0], 500, SFREQ)])
    script = [
        pieces[0],
        {"measured": 80.0},
        pieces[1],
        {"measured": None},
        pieces[2],
        1.2,
        {"measured": SFREQ},
        pieces[3],
    ]
    first, state = decoder.step(SAMPLES[:160], decoder.start())
    last, _ = decoder.step(SAMPLES[480:640], decoder.skip(state, 320), [500])
    with decoding(decoder, source(*script)) as log:
        same_decisions(log.wait_decisions(len(first + last)), first + last)
    assert [s for s in log.states() if s != "gap"][:5] == ["connecting", "live", "mismatch", "stale", "live"]
    assert [t["trial"] for t in log.of("trial")] == [0]


def test_marker_streams_that_nobody_chose_are_told_whenever_they_change(decoder):
    with decoding(decoder, made := source(whole())) as log:
        log.wait(lambda: "live" in log.states())
        for n, names in enumerate([("a",), ("a", "b"), ()]):
            made.marker_names = names
            log.wait(lambda n=n: log.states().count("assumed") == n + 1)
    assert [s["detail"] for s in log.of("status") if s["state"] == "assumed"] == [
        "Markers are read from 'a'.",
        "Markers are read from 'a', 'b'.",
        "Markers are no longer read, their stream is gone.",
    ]


def test_a_named_marker_stream_is_missed_until_it_is_in_sight(decoder):
    made = source(*(item for k in range(0, 1600, 160) for item in (whole(SAMPLES[k : k + 160], k), 0.2)))
    with engine(lambda query: made) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays", markers="marks"))
        log.wait(lambda: "live" in log.states())
        assert log.detail("live") == "Samples arrive from 'arrays', but no marker stream 'marks' is in sight."
        made.marker_names = ("marks",)
        log.wait(lambda: log.detail("live") == "Samples arrive from 'arrays'.")
    assert "assumed" not in log.states()


# --- from LSL


def outlet(name, labels=CH_NAMES, sfreq=SFREQ):
    info = pylsl.StreamInfo(name, "EEG", len(labels), sfreq, "float32", f"id-{name}")
    info.set_channel_labels(list(labels))
    info.set_channel_units("microvolts")
    return pylsl.StreamOutlet(info)


def send(out, samples, t_first, size=32):
    assert out.wait_for_consumers(20)
    for k in range(0, len(samples), size):
        part = np.ascontiguousarray(samples[k : k + size], np.float32)
        out.push_chunk(part, t_first + (k + len(part) - 1) / SFREQ)


def soon(query):
    return LslSource(query, wait_s=1.0)


def test_a_permuted_lsl_stream_with_lost_samples_decodes_as_the_library_does(decoder, name):
    first, state = decoder.step(SAMPLES[:800], decoder.start())
    second, _ = decoder.step(SAMPLES[800:], decoder.skip(state, 80))
    out, t0 = outlet(name, CH_NAMES[::-1]), pylsl.local_clock()
    with engine(soon) as (running, log):
        running.open("s1", decoder, StreamQuery(name, markers=f"{name}-markers"))
        send(out, SAMPLES[:800, ::-1], t0)
        send(out, SAMPLES[800:, ::-1], t0 + 880 / SFREQ)
        same_decisions(log.wait_decisions(len(first + second)), first + second)
    assert log.detail("gap").startswith("80 samples (0.5 s) were lost")


def test_a_stream_that_is_not_there_is_asked_for_by_name_beside_those_in_sight(decoder, name):
    other = outlet(name)
    with engine(soon) as (running, log):
        running.open("s1", decoder, StreamQuery("not-there"))
        log.wait(lambda: any(name in status["detail"] for status in log.of("status")), 20)
        assert "no LSL stream matches name 'not-there'" in log.detail("connecting")
    assert set(log.states()) == {"connecting"}
    del other


def test_what_had_to_be_assumed_about_a_stream_is_told(decoder, name):
    info = pylsl.StreamInfo(name, "EEG", len(CH_NAMES), SFREQ, "float32", f"id-{name}")
    info.set_channel_labels(list(CH_NAMES))
    other = pylsl.StreamOutlet(info)
    with engine(soon) as (running, log):
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        log.wait(lambda: "assumed" in log.states(), 20)
    assert log.detail("assumed") == f"stream {name!r} declares no unit for 8 channels; taken as microvolts."
    del other


def test_an_lsl_stream_of_the_wrong_rate_is_refused(decoder, name):
    other = outlet(name, sfreq=250.0)
    with engine(soon) as (running, log):
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        log.wait(lambda: "mismatch" in log.states(), 20)
    assert "runs at 250 Hz, bundle 'tiny' needs 160 Hz" in log.detail("mismatch")
    del other


def test_samples_stamped_at_another_rate_than_declared_are_not_decoded_on(decoder, name):
    """Half the rate is told as soon as two seconds show it, and decisions stop."""
    with engine(soon) as (running, log):
        out, t0 = outlet(name), pylsl.local_clock()
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        assert out.wait_for_consumers(20)
        for k, row in enumerate(SAMPLES.astype(np.float32)):
            out.push_sample(row.tolist(), t0 + 2 * k / SFREQ)
        log.wait(lambda: "mismatch" in log.states(), 20)
        time.sleep(0.5)  # what was read before is still being decoded
        decided = len(log.of("decision"))
        for k, row in enumerate(SAMPLES.astype(np.float32)):
            out.push_sample(row.tolist(), t0 + 2 * (len(SAMPLES) + k) / SFREQ)
        time.sleep(0.5)
    assert "are stamped 80 a second, its header says 160" in log.detail("mismatch")
    assert len(log.of("decision")) == decided


def test_an_lsl_stream_that_is_restarted_goes_on_where_the_clock_stands(decoder, name):
    with engine(soon) as (running, log):
        out, t0 = outlet(name), pylsl.local_clock()
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        send(out, SAMPLES[:800], t0)
        log.wait_decisions(80)
        time.sleep(0.2)
        del out
        log.wait(lambda: "lost" in log.states(), 20)
        out = outlet(name)
        send(out, SAMPLES[800:], t0 + 2000 / SFREQ)
        got = log.wait_decisions(160, timeout_s=30)
    assert log.detail("reconnected") == "Samples arrive again; 1200 were lost."
    assert [d["hop"] for d in got] == list(range(160))
    first, state = decoder.step(SAMPLES[:800], decoder.start())
    second, _ = decoder.step(SAMPLES[800:], decoder.skip(state, 1200))
    same_decisions(got, first + second)
