"""A session can be paused, saved, moved to another engine and given another bundle; no decision is lost or changed."""

import threading
from unittest.mock import Mock

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput, StreamLost
from realtime.live import session as session_module
from realtime.live.bundle_swap import swap_decoder, warm_up_encoder
from realtime.sources.query import StreamQuery
from tests.helpers.bundles import CH_NAMES, LABELS, encoder, tiny_bundle
from tests.helpers.engines import T0, ArraySource, chunk, engine, marker, same_decisions

SFREQ = 160.0
SAMPLES = 20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500
ONSETS = [100, 700, 1100]
MARKERS = [marker(LABELS[i], onset, SFREQ) for i, onset in enumerate(ONSETS)]


def other_encoder() -> onnx.ModelProto:
    """The tiny encoder with other weights."""
    model = encoder()
    (held,) = [tensor for tensor in model.graph.initializer if tensor.name == "weights"]
    held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held)[::-1].copy(), "weights"))
    return model


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("moves") / "tiny", sfreq=SFREQ))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("moves") / "other", sfreq=SFREQ, model=other_encoder()))


@pytest.fixture(scope="module")
def want(decoder):
    return decoder.step(SAMPLES, decoder.start(), ONSETS)[0]


class GatedSource(ArraySource):
    """Samples from number `first` on in pulls of 50; those from `gate` on come only once the gate is open."""

    def __init__(self, first: int = 0, gate: int = len(SAMPLES), markers=MARKERS, wobble_s: float = 0.0):
        super().__init__(CH_NAMES, SFREQ, ())
        self.first, self.at, self.gate, self.open = first, first, gate, threading.Event()
        self.markers, self.wobble_s = list(markers), wobble_s

    def pull(self, timeout_s: float, min_samples: int = 1):
        if self.at >= self.gate and not self.open.wait(timeout_s):
            return [], []
        if self.at >= len(SAMPLES):
            self.open.wait(timeout_s)
            return [], []
        end = min(self.at + 50, len(SAMPLES), self.gate if self.at < self.gate else len(SAMPLES))
        # This reader counts from its own first sample, on the clock that all share.
        first = chunk(SAMPLES[self.at : end], self.at - self.first, SFREQ, t0=T0 + self.first / SFREQ + self.wobble_s)
        markers, self.markers, self.at = self.markers, [], end
        return [first], markers


def opened(running, decoder, **options):
    running.open("s1", decoder, StreamQuery("arrays"), **options)


@pytest.mark.parametrize("first", [0, 555, 803])
def test_a_session_moved_to_another_engine_makes_identical_decisions(decoder, want, first):
    """The other one listens before the first stops: what both heard is decoded once."""
    before, after = GatedSource(gate=804), GatedSource(first, markers=MARKERS[2:], wobble_s=0.0015)
    after.open.set()
    with engine(lambda query: before) as (one, log), engine(lambda query: after) as (two, log_two):
        opened(one, decoder)
        opened(two, decoder, paused=True)
        log.wait_decisions(80)
        log_two.wait(lambda: "live" in log_two.states())
        one.pause("s1")
        two.load("s1", one.save("s1"))
        two.resume("s1")
        got = log.of("decision") + log_two.wait_decisions(80)
    same_decisions(got, want)
    assert "gap" not in log_two.states()
    assert [trial["trial"] for trial in log.of("trial")] == [0, 1, 2]


def test_samples_that_neither_engine_read_are_a_gap(decoder):
    first, state = decoder.step(SAMPLES[:804], decoder.start(), ONSETS[:2])
    second, _ = decoder.step(SAMPLES[900:], decoder.skip(state, 96), ONSETS[2:])
    before, after = GatedSource(gate=804, markers=MARKERS[:2]), GatedSource(900, markers=MARKERS[2:])
    after.open.set()
    with engine(lambda query: before) as (one, log), engine(lambda query: after) as (two, log_two):
        opened(one, decoder)
        opened(two, decoder, paused=True)
        log.wait_decisions(80)
        two.load("s1", one.save("s1"))
        two.resume("s1")
        same_decisions(log.of("decision") + log_two.wait_decisions(len(second)), first + second)
    assert log_two.detail("gap").startswith("96 samples (0.6 s) were lost")


def test_a_paused_session_decodes_everything_after_it_is_resumed(decoder, want):
    source = GatedSource(gate=804)
    with engine(lambda query: source) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        running.pause("s1")
        source.open.set()
        log.wait(lambda: source.at == len(SAMPLES))
        assert len(log.of("decision")) == 80
        running.resume("s1")
        same_decisions(log.wait_decisions(160), want)
    assert [state for state in log.states() if state in ("paused", "resumed")] == ["paused", "resumed"]


def test_a_pause_longer_than_the_backlog_is_a_gap(decoder, monkeypatch):
    monkeypatch.setattr(session_module, "PAUSE_S", 0.0)
    source = GatedSource(gate=804)
    with engine(lambda query: source) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        running.pause("s1")
        source.gate = 1200
        source.open.set()
        log.wait(lambda: source.at == len(SAMPLES))
        running.resume("s1")
        running.save("s1")  # answered after what was kept has been decoded
    assert len(log.of("decision")) == 80


def test_a_stream_that_reconnects_during_a_pause_continues_by_the_clock(decoder, monkeypatch):
    """What tells that its samples are numbered from 0 again is among what a pause no longer keeps."""
    monkeypatch.setattr(session_module, "PAUSE_S", 0.3)
    first, state = decoder.step(SAMPLES[:804], decoder.start())
    second, _ = decoder.step(SAMPLES[1000:], decoder.skip(state, 196))
    before, after = GatedSource(gate=804, markers=[]), GatedSource(900, gate=1000, markers=[])
    sources = iter([before, after])
    with engine(lambda query: next(sources)) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        running.pause("s1")
        before.pull = Mock(side_effect=StreamLost("stream 'arrays' was lost"))
        backlog = running._sessions["s1"].reader.backlog
        log.wait(lambda: after.at == 1000)
        log.wait(lambda: not backlog)
        running.resume("s1")
        after.open.set()
        same_decisions(log.wait_decisions(len(first + second)), first + second)
    assert log.detail("reconnected") == "Samples arrive again; 196 were lost."


def test_a_session_is_loaded_although_its_stream_reconnected(decoder, want):
    """What waits is numbered from 0 twice; the second line through the stamps says nothing of the first's numbers."""
    before, heard, after = GatedSource(gate=804), GatedSource(700, gate=900, markers=[]), GatedSource(900, markers=[])
    heard.markers = []
    sources = iter([heard, after])
    after.markers = MARKERS[2:]
    after.open.set()
    with engine(lambda query: before) as (one, log), engine(lambda query: next(sources)) as (two, log_two):
        opened(one, decoder)
        opened(two, decoder, paused=True)
        log.wait_decisions(80)
        log_two.wait(lambda: heard.at == 900)
        heard.pull = Mock(side_effect=StreamLost("stream 'arrays' was lost"))
        log_two.wait(lambda: after.at == len(SAMPLES))
        one.pause("s1")
        two.load("s1", one.save("s1"))
        two.resume("s1")
        log_two.wait(lambda: "reconnected" in log_two.states())
    assert "gap" not in log_two.states()
    assert log_two.detail("reconnected") == "Samples arrive again; 0 were lost."
    same_decisions(log_two.of("decision")[:8], want[80:88])


def test_only_a_paused_session_takes_a_saved_one(decoder):
    with engine(lambda query: GatedSource(gate=804)) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        with pytest.raises(BadInput, match="pause it first"):
            running.load("s1", running.save("s1"))


def test_a_new_bundle_takes_over_between_two_hops_warmed_up(decoder, other, want):
    """Numbers and times go on, no decision is missing, and it decides as if it had decoded all along."""
    late, _ = other.step(SAMPLES, other.start(), ONSETS)
    source = GatedSource(gate=804)
    with engine(lambda query: source) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        running.swap("s1", other)
        source.open.set()
        got = log.wait_decisions(160)
    same_decisions(got, want[:80] + late[80:])
    assert {message["bundle"] for message in got[80:]} == {other.bundle.hash}
    assert log.detail("swapped") == "Bundle 'tiny' decodes from here on."


def test_after_a_swap_markers_begin_trials_by_the_events_of_the_new_bundle(decoder, tmp_path):
    events = {"new": LABELS[0]}
    other = Decoder(tiny_bundle(tmp_path / "events", sfreq=SFREQ, model=other_encoder(), events=events))
    source = GatedSource(gate=804, markers=MARKERS[:1])
    with engine(lambda query: source) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        running.swap("s1", other)
        source.markers = [marker(LABELS[1], 1000, SFREQ), marker("new", 1100, SFREQ)]
        source.open.set()
        log.wait_decisions(160)
    assert [trial["marker"] for trial in log.of("trial")] == [LABELS[0], "new"]
    (hello,) = log.of("hello")
    assert (hello["bundle"], hello["events"], hello["stream"]) == (other.bundle.hash, events, "arrays")


def test_after_lost_samples_a_new_bundle_starts_from_silence_too(decoder, other):
    second, _ = other.step(SAMPLES[1000:], other.skip(decoder.step(SAMPLES[:804], decoder.start())[1], 196))
    source = GatedSource(gate=804, markers=[])
    with engine(lambda query: source) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        session = running._sessions["s1"]
        warm, newest = warm_up_encoder(other, tuple(session.recent_hops), 1)
        source.at, source.gate = 1000, 1010
        log.wait_decisions(81)
        running._call_between_hops(lambda: swap_decoder(session, other, warm, newest))
        source.open.set()
        got = log.wait_decisions(140)
    same_decisions(got[81:], second[1:])


def test_a_bundle_of_another_hop_cannot_take_over(decoder, tmp_path, other):
    slower = Decoder(tiny_bundle(tmp_path / "slower", sfreq=250.0))
    with engine(lambda query: GatedSource(gate=804)) as (running, log):
        opened(running, decoder)
        log.wait_decisions(80)
        with pytest.raises(BadInput, match=r"sfreq is 250.0, but session 's1' needs 160.0"):
            running.swap("s1", slower)
        assert "swapped" not in log.states()
