"""A reader finds a stream, refuses what does not fit, reads it through loss and return, and reports it."""

import re
import time

import numpy as np
import pylsl
import pytest

from realtime.errors import BadInput, StreamLost
from realtime.live.packet import Progress
from realtime.live.stream_reader import StreamReader
from realtime.sources.lsl.search import find_streams
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from tests.helpers.bundles import CH_NAMES, LABELS
from tests.helpers.engines import ArraySource, chunk, decoding, engine, marker, same_decisions
from tests.helpers.machine import Withheld
from tests.helpers.outlets import Rig, outlet, rigs
from tests.helpers.scripted_signal import SAMPLES, SFREQ, source, whole
from tests.helpers.stream_readers import following
from tests.helpers.waiting import PATIENCE_S, until

# --- from arrays


def test_wrong_rate_and_missing_channel_are_refused_until_a_stream_fits(decoder, want):
    wrong_rate = source(whole(), sfreq=250.0)
    no_oz = source(whole(SAMPLES[:, :7]), ch_names=tuple(c for c in CH_NAMES if c != "Oz"))
    with decoding(decoder, wrong_rate, no_oz, source(whole())) as log:
        same_decisions(log.wait_decisions(160), want)
    assert log.states()[:4] == ["connecting", "mismatch", "mismatch", "live"]
    first, second = (s["detail"] for s in log.of("status")[1:3])
    assert "'arrays' runs at 250 Hz, bundle 'tiny' needs 160 Hz" in first
    assert "found no channel 'Oz' among Fz" in second


def test_a_stream_lost_while_opening_and_a_broken_reader_are_reported_and_retried(decoder, want):
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


def test_an_exception_of_the_source_is_reported_and_it_is_connected_again(decoder, want):
    with decoding(decoder, source(RuntimeError("cable")), source(whole())) as log:
        got = log.wait_decisions(160)
    assert "RuntimeError('cable')" in log.detail("lost")
    np.testing.assert_array_equal([d["embedding"] for d in got], [d.embedding for d in want])


def test_a_source_whose_close_fails_is_connected_again_and_logged_once(decoder, want, caplog):
    """A loop that fails five times a second for a weekend must not fill the disk with its log."""

    class Broken(ArraySource):
        def close(self):
            super().close()
            raise OSError("socket")

    broken = [Broken(CH_NAMES, SFREQ, [RuntimeError("cable")]) for _ in range(4)]
    with decoding(decoder, *broken, source(whole())) as log:
        same_decisions(log.wait_decisions(160), want)
    assert sum("OSError" in status["detail"] for status in log.of("status")) == 1
    assert [record.getMessage() for record in caplog.records].count("reading failed") == 1


def test_a_silent_stream_is_stale_once_and_live_again_with_its_next_sample(decoder):
    script = [*(whole(SAMPLES[:160]),), 1.2, 0.3, whole(SAMPLES[160:], 160)]
    with decoding(decoder, source(*script)) as log:
        log.wait_decisions(160)
    assert log.states()[:4] == ["connecting", "live", "stale", "live"]
    assert all(status["lasting"] for status in log.of("status"))
    assert "No sample from 'arrays' for 0.7 s" in log.detail("stale")


def test_a_wrong_rate_is_a_mismatch_until_the_stamps_show_the_right_one(decoder):
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


def test_marker_streams_that_were_not_chosen_are_reported_at_every_change(decoder):
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


def test_a_named_marker_stream_is_reported_missing_until_it_appears(decoder):
    made = source(*(item for k in range(0, 1600, 160) for item in (whole(SAMPLES[k : k + 160], k), 0.2)))
    with engine(lambda query: made) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays", markers="marks"))
        log.wait(lambda: "live" in log.states())
        assert log.detail("live") == "Samples arrive from 'arrays', but no marker stream 'marks' was found."
        made.marker_names = ("marks",)
        log.wait(lambda: log.detail("live") == "Samples arrive from 'arrays'.")
    assert "assumed" not in log.states()


def test_missing_marker_streams_of_several_are_reported(decoder):
    made = source(*(item for k in range(0, 1600, 160) for item in (whole(SAMPLES[k : k + 160], k), 0.1)))
    with following(decoder, "arrays", lambda query: made, markers="a,b") as log:
        log.wait_report("live", words="but of the marker streams 'a,b' none was found")
        made.marker_names = ("a",)
        log.wait_report("live", words="only 'a' was found")
        made.marker_names = ("a", "b")
        log.wait(lambda: log.reports[-1][2] == "Samples arrive from 'arrays'.")


# --- from LSL


def test_a_missing_stream_is_reported_with_the_streams_that_exist(decoder, name):
    other = outlet(name, CH_NAMES, SFREQ)
    with engine(LslSource) as (running, log):
        running.open("s1", decoder, StreamQuery("not-there"))
        log.wait(lambda: any(name in status["detail"] for status in log.of("status")))
        assert "no LSL stream matches name 'not-there'" in log.detail("connecting")
    assert set(log.states()) == {"connecting"}
    del other


def test_assumptions_about_a_header_are_reported(decoder, name):
    info = pylsl.StreamInfo(name, "EEG", len(CH_NAMES), SFREQ, "float32", f"id-{name}")
    info.set_channel_labels(list(CH_NAMES))
    other = pylsl.StreamOutlet(info)
    with engine(LslSource) as (running, log):
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        log.wait(lambda: "assumed" in log.states())
    assert log.detail("assumed") == f"stream {name!r} declares no unit for 8 channels; taken as microvolts."
    del other


def test_an_lsl_stream_of_the_wrong_rate_is_refused(decoder, name):
    other = outlet(name, CH_NAMES, 250.0)
    with engine(LslSource) as (running, log):
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        log.wait(lambda: "mismatch" in log.states())
    assert "runs at 250 Hz, bundle 'tiny' needs 160 Hz" in log.detail("mismatch")
    del other


@pytest.mark.parametrize(("true", "sentence"), [(0.5, "80"), (0.8, "128"), (2.0, "320")])
@pytest.mark.parametrize("block", [1, 8])
def test_no_sample_stamped_at_another_rate_than_declared_is_decoded(decoder, name, true, sentence, block):
    """Sent one by one with their stamps, or in blocks whose stamps liblsl makes up, by the declared rate."""
    with engine(LslSource) as (running, log):
        out, t0 = outlet(name, CH_NAMES, SFREQ), pylsl.local_clock()
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        assert out.wait_for_consumers(PATIENCE_S)
        rows = SAMPLES.astype(np.float32)
        for k in range(0, len(rows), block):
            out.push_chunk(rows[k : k + block], t0 + (k + block - 1) / (true * SFREQ))
        log.wait(lambda: "mismatch" in log.states())
        time.sleep(0.5)  # what was read before would still be decoded
    found = re.search(r"are stamped ([0-9.]+) a second, its header says 160", log.detail("mismatch"))
    assert "live" not in log.states()
    assert log.of("decision") == []
    if block == 1:
        assert float(found[1]) == pytest.approx(float(sentence), rel=0.02)


@pytest.mark.parametrize("jitter_s", [0.0, 0.002, 0.01])
def test_the_rate_check_loses_no_sample_of_a_right_stream(decoder, name, jitter_s):
    """Its first decisions come as soon as half a second of stamps has been seen, and are those of its first samples."""
    late = np.random.default_rng(0).normal(0, jitter_s, len(SAMPLES))
    with following(decoder, name) as log:
        out, t0 = outlet(name, CH_NAMES, SFREQ), pylsl.local_clock()
        assert out.wait_for_consumers(PATIENCE_S)
        for k, row in enumerate(SAMPLES[:480].astype(np.float32)):
            out.push_sample(row.tolist(), t0 + k / SFREQ + late[k])
            if k == 85:  # half a second and a little
                log.wait(lambda: log.read)
        log.wait(lambda: sum(len(p.chunk.samples) for _, p in log.read) >= 480)
    got = np.concatenate([piece.chunk.samples for _, piece in log.read])
    np.testing.assert_array_equal(got, SAMPLES[:480])
    assert set(log.states()) - {"stale"} == {"connecting", "live"}  # stale: the machine kept the sender waiting


def test_a_header_that_cannot_be_used_is_a_mismatch_until_another_stream_comes(decoder, name):
    odd = outlet(name, CH_NAMES, SFREQ, unit="parsec")
    with following(decoder, name) as log:
        _, sentence = log.wait_report("mismatch")
        assert "has unit 'parsec'" in sentence
        del odd
        good = outlet(name, CH_NAMES, SFREQ)
        assert good.wait_for_consumers(PATIENCE_S)
        good.push_chunk(np.zeros((120, len(CH_NAMES)), np.float32))
        log.wait_report("live")
    del good


def test_each_pull_waits_for_the_samples_of_the_next_decision(decoder):
    made = source(whole())
    with following(decoder, "arrays", lambda query: made) as log:
        log.reader.samples_to_next_hop = lambda n_in: 7
        log.wait(lambda: 7 in made.wanted)


def test_the_samples_needed_follow_what_was_read_and_what_the_engine_has_taken(decoder):
    reader = StreamReader("x", decoder.bundle.manifest, None, None, None, None, lambda n_in: 1000 - n_in)
    order, chunks = np.arange(8), [chunk(SAMPLES[:30], 0, SFREQ), chunk(SAMPLES[30:70], 30, SFREQ)]
    reader._queue(chunks, [marker(LABELS[0], 10, SFREQ)], order, True, None)
    assert [(p.n_samples, len(p.markers), p.reconnected) for p in reader.backlog] == [(30, 1, True), (40, 0, False)]
    assert reader._samples_needed() == 1000 - 70
    reader.update(Progress(n_taken=30, n_in=30))
    reader._take_updates()
    assert reader._samples_needed() == 1000 - 70
    reader.update(Progress(n_taken=70, n_in=15))  # after a gap
    reader._take_updates()
    assert reader._samples_needed() == 1000 - 15


def test_markers_of_no_label_are_left_out(decoder):
    known, other = marker(LABELS[0], 100, SFREQ), marker("pause", 110, SFREQ)
    with following(decoder, "arrays", lambda query: source(whole(markers=[other, known, other]))) as log:
        log.wait(lambda: log.read)
    assert log.read[0][1].markers == (known,)


# --- loss and return, in processes that are killed and frozen; how soon is measured by the faults of the whole system


def test_a_killed_source_is_lost_at_once_and_read_soon_after_it_returns(decoder, name):
    with rigs() as made:
        made.append(Rig(name, CH_NAMES, SFREQ))
        with following(decoder, name) as log:
            log.wait_samples(after=0.0)
            killed = made[0].kill()
            lost, sentence = log.wait_report("lost", after=killed)
            assert f"stream {name!r} (source_id 'id-{name}') was lost" in sentence
            made.append(Rig(name, CH_NAMES, SFREQ))
            _, piece = log.wait_samples(after=lost)
            assert piece.reconnected
            # Stamps are right from the first sample on: both clocks are this machine's.
            assert piece.chunk.t_first == pytest.approx(made[1].stamp(piece.chunk.samples[0, 0]), abs=1e-3)
            log.wait_report("live", after=lost)


def test_a_frozen_source_is_replaced_by_the_stream_that_appears(decoder, name):
    with rigs() as made:
        made.append(Rig(name, CH_NAMES, SFREQ))
        with following(decoder, name) as log:
            log.wait_samples(after=0.0)
            frozen = made[0].freeze()
            stale, _ = log.wait_report("stale", after=frozen)
            made.append(Rig(name, CH_NAMES, SFREQ))
            lost, sentence = log.wait_report("lost", after=stale)
            assert "has come up" in sentence
            log.wait_samples(after=lost)
            made[0].thaw()
            log.wait_report("duplicate")
            made[1].kill()
            lost, sentence = log.wait_report("lost", words="was there already")
            assert f"only {name!r}" in sentence
            time.sleep(1.5)  # the other one streams, and is not read
            assert all(t <= lost for t, _ in log.read)


def test_a_permuted_stream_is_read_by_name_and_an_unusable_one_is_refused(decoder, name):
    with rigs() as made:
        made.append(Rig(name, CH_NAMES, SFREQ))
        with following(decoder, name) as log:
            assert log.wait_samples(after=0.0)[1].order.tolist() == list(range(len(CH_NAMES)))
            for k, (labels, sfreq, sentence) in enumerate(
                [(CH_NAMES, 80.0, "runs at 80 Hz"), (("X1", *CH_NAMES[1:]), SFREQ, f"no channel {CH_NAMES[0]!r}")]
            ):
                killed = made[k].kill()
                made.append(Rig(name, labels, sfreq))
                log.wait_report("mismatch", killed, sentence)
                seen = len(log.read)
            made[-1].kill()
            made.append(Rig(name, ("EOG", *CH_NAMES[::-1]), SFREQ))
            log.wait(lambda: len(log.read) > seen)
            _, piece = log.read[seen]  # nothing of those that did not fit was read
            assert piece.order.tolist() == list(range(len(CH_NAMES), 0, -1))


def test_a_duplicate_is_reported_when_it_appears_and_when_it_ends(decoder, name):
    with rigs() as made:
        made.append(Rig(name, CH_NAMES, SFREQ))
        with following(decoder, name) as log:
            log.wait_samples(after=0.0)
            made.append(Rig(name, CH_NAMES, SFREQ, source_id=f"other-{name}"))
            _, sentence = log.wait_report("duplicate")
            assert f"other-{name}" in sentence
            gone = made[1].kill()
            log.wait_report("duplicate", after=gone)
            assert log.states().count("duplicate") == 2
            assert "lost" not in log.states()


def test_two_streams_of_one_source_id_at_the_start_are_an_error_that_lists_both(decoder, name):
    both = [outlet(name, CH_NAMES, SFREQ), outlet(f"{name}-b", CH_NAMES, SFREQ, source_id=f"id-{name}")]
    assert until(lambda: sum(row.source_id == f"id-{name}" for row in find_streams()) == 2)
    with following(decoder, f"id-{name}") as log:
        log.wait_report("connecting", words="2 LSL streams match")
        _, sentence = log.wait_report("connecting", words=f"'{name}'")
        assert f"'{name}-b'" in sentence
        del both[1]
        assert both[0].wait_for_consumers(PATIENCE_S)
    del both


def test_closing_while_nothing_is_found_takes_less_than_a_second(decoder, name):
    with following(decoder, name) as log:
        log.wait_report("connecting", words="no LSL stream")
        time.sleep(0.3)
        began, withheld = time.monotonic(), Withheld()
        log.reader.close()
        assert time.monotonic() - began < 1.0 + withheld.seconds()


def test_close_during_a_hanging_open_returns_within_a_second(decoder, name):
    with rigs() as made:
        made.append(Rig(name, CH_NAMES, SFREQ))
        LslSource(StreamQuery(name, "none"), wait_s=PATIENCE_S).close()
        made[0].freeze()
        with following(decoder, name) as log:
            time.sleep(0.5)
            began, withheld = time.monotonic(), Withheld()
            log.reader.close()
            assert time.monotonic() - began < 1.0 + withheld.seconds()
            told = list(log.reports)
            log.reader.thread.join(PATIENCE_S)
            assert not log.reader.thread.is_alive()
            assert log.reports == told


def test_a_clock_that_is_set_back_is_reported_with_its_size(decoder, name):
    out = outlet(name, CH_NAMES, SFREQ)
    with following(decoder, name) as log:
        assert out.wait_for_consumers(PATIENCE_S)
        t0 = pylsl.local_clock()
        for step_s, first in [(0.0, 0), (-40.0, 800)]:
            out.push_chunk(SAMPLES[first : first + 800].astype(np.float32), t0 + step_s + (first + 799) / SFREQ)
        _, sentence = log.wait_report("clock")
        assert f"The clock of {name!r} was set back by 40 s" in sentence
        log.wait(lambda: sum(len(p.chunk.samples) for _, p in log.read) == 1600)
        piece = log.read[-1][1].chunk
        assert piece.time_of(piece.index + len(piece.samples) - 1) == pytest.approx(t0 - 40 + 1599 / SFREQ, abs=1e-3)
    del out
