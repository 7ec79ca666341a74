"""The engine decodes every stream as the library decodes its samples, and what breaks one session breaks no other."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.live.engine import Engine
from realtime.live.messages import DecisionMessage, Message
from realtime.sources.query import StreamQuery
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle
from tests.helpers.engines import T0, ArraySource, chunk, decoding, engine, marker, same_decisions
from tests.helpers.waiting import PATIENCE_S

SFREQ = 160.0
SAMPLES = 20 * np.random.default_rng(0).normal(size=(1600, len(CH_NAMES))) + 500
ONSETS = [100, 400, 1100]
MARKERS = [marker(LABELS[i], onset, SFREQ) for i, onset in enumerate(ONSETS)]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("engine") / "tiny", sfreq=SFREQ))


def source(script, ch_names=CH_NAMES, sfreq=SFREQ):
    return ArraySource(ch_names, sfreq, script)


def cut(edges, samples=SAMPLES, markers=MARKERS):
    """A pull for each piece; the markers come with the first."""
    edges = [0, *sorted(edges), len(samples)]
    pieces = [(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]
    return [([chunk(samples[a:b], a, SFREQ)], [] if k else list(markers)) for k, (a, b) in enumerate(pieces)]


@settings(max_examples=10, deadline=None)
@given(edges=st.lists(st.integers(1, 1599), max_size=10))
def test_live_decisions_equal_the_library_for_any_chunking(decoder, edges):
    want, _ = decoder.step(SAMPLES, decoder.start(), ONSETS)
    with decoding(decoder, source(cut(edges))) as log:
        same_decisions(log.wait_decisions(len(want)), want)
    assert [t["trial"] for t in log.of("trial")] == [0, 1, 2]
    assert [t["label"] for t in log.of("trial")] == list(LABELS)


def test_times_are_those_of_the_samples_and_markers(decoder):
    with decoding(decoder, source(cut([500, 777]))) as log:
        decisions = log.wait_decisions(160)
    for decision in decisions:
        assert decision["t_lsl"] == pytest.approx(T0 + decision["sample"] / SFREQ)
        if decision["trial"] is not None:
            assert decision["t_onset"] == pytest.approx(T0 + ONSETS[decision["trial"]] / SFREQ)
    assert [t["t_onset"] for t in log.of("trial")] == [T0 + onset / SFREQ for onset in ONSETS]


def test_a_gap_inside_one_pull_resets_the_state_between_its_two_chunks(decoder):
    pull = ([chunk(SAMPLES[:805], 0, SFREQ), chunk(SAMPLES[805:], 1005, SFREQ, gap=200)], MARKERS)
    first, state = decoder.step(SAMPLES[:805], decoder.start(), ONSETS)
    second, _ = decoder.step(SAMPLES[805:], decoder.skip(state, 200))
    with decoding(decoder, source([pull])) as log:
        same_decisions(log.wait_decisions(len(first + second)), first + second)
    told = [m for _, m in log.messages if m["type"] == "decision" or m.get("state") == "gap"]
    assert [m["type"] for m in told].index("status") == len(first)
    assert log.detail("gap").startswith("200 samples (1.25 s) were lost")


def test_two_streams_decoded_together_are_each_decoded_as_alone(decoder):
    streams = {"a": SAMPLES, "b": SAMPLES[::-1].copy()}
    with engine(lambda query: source(cut(range(50, 1600, 50), streams[query.name]))) as (running, log):
        for name in streams:
            running.open(name, decoder, StreamQuery(name))
        got = {name: log.wait_decisions(160, name) for name in streams}
    for name, samples in streams.items():
        want, _ = decoder.step(samples, decoder.start(), ONSETS)
        same_decisions(got[name], want, atol=1e-5)


def test_an_exception_while_decoding_is_reported_and_ends_no_session(decoder):
    """A chunk of too few columns is lost like samples in a gap: what follows is counted right and flagged."""
    good = cut([400, 800])
    broken = [good[0], ([chunk(SAMPLES[400:800, :3], 400, SFREQ)], []), good[2]]
    want, _ = decoder.step(SAMPLES, decoder.start(), ONSETS)
    first, state = decoder.step(SAMPLES[:400], decoder.start(), ONSETS)
    rest, _ = decoder.step(SAMPLES[800:], decoder.skip(state, 400))
    with engine(lambda query: source(broken if query.name == "bad" else good)) as (running, log):
        for name in ("bad", "good"):
            running.open(name, decoder, StreamQuery(name))
        same_decisions(log.wait_decisions(len(want), "good"), want, atol=1e-5)
        same_decisions(log.wait_decisions(len(first + rest), "bad"), first + rest, atol=1e-5)
    assert "IndexError" in log.detail("failed", "bad")
    assert "failed" not in log.states("good")


def test_a_session_that_breaks_a_batch_is_reported_and_the_others_are_decoded(decoder):
    go = threading.Event()

    class Waiting(ArraySource):
        def pull(self, timeout_s, min_samples=1):
            go.wait()
            return super().pull(timeout_s, min_samples)

    with engine(lambda query: Waiting(CH_NAMES, SFREQ, cut([400]))) as (running, log):
        for name in ("bad", "good"):
            running.open(name, decoder, StreamQuery(name))
        session = running._sessions["bad"]
        session.state = session.state | {"encoder.sum": np.zeros((1, 3), np.float32)}
        go.set()
        want, _ = decoder.step(SAMPLES, decoder.start(), ONSETS)
        same_decisions(log.wait_decisions(len(want), "good"), want, atol=1e-5)
        log.wait(lambda: "failed" in log.states("bad"))
    assert "failed" not in log.states("good")
    assert log.of("decision", "bad") == []


def test_a_session_that_falls_behind_drops_samples_as_a_gap_and_keeps_markers(decoder, monkeypatch):
    """The engine is held at the first of ten pieces; then the last one is decoded, as after lost samples."""
    held, go, encode = threading.Event(), threading.Event(), decoder.encode
    monkeypatch.setattr(decoder, "encode", lambda *hops: held.set() or (go.wait() and encode(*hops)))
    pieces = cut(range(160, 1600, 160), markers=())
    pieces[3] = (pieces[3][0], [marker(LABELS[0], 1500, SFREQ)])
    hops, _ = decoder.prepare(SAMPLES[:160], decoder.start())
    with decoding(decoder, reader := source(pieces)) as log:
        assert held.wait(PATIENCE_S)
        log.wait(lambda: len(reader.wanted) > len(pieces))  # by then every piece waits
        monkeypatch.setattr("realtime.live.session.MAX_BEHIND_S", 0.0)
        go.set()
        got = log.wait_decisions(len(hops) + 16)
    first, state = decoder.step(SAMPLES[:160], decoder.start())
    last, _ = decoder.step(SAMPLES[1440:], decoder.skip(state, 1280), [1500])
    same_decisions(got, first + last)
    assert [state for state in log.states() if state in ("behind", "gap")] == ["behind", "gap"]
    assert log.detail("gap").startswith("1280 samples")
    assert [t["trial"] for t in log.of("trial")] == [0]


def test_stopping_tells_every_session_before_it_waits_for_one(decoder, monkeypatch):
    """Else searches for streams that are not there, seconds each, would end one after another."""
    monkeypatch.setattr("realtime.live.stream_reader.CLOSE_S", PATIENCE_S)
    searching, opened, told = threading.Barrier(3), [], []

    def search(query):
        searching.wait(PATIENCE_S)
        told.append(all(session.reader.stopping.wait(10.0) for session in opened))
        raise BadInput("no stream is there")

    with engine(search) as (running, _):
        for name in "ab":
            running.open(name, decoder, StreamQuery(name))
        opened += running._sessions.values()
        searching.wait(PATIENCE_S)
    assert told == [True, True]


def test_closing_ends_the_session_and_stopping_ends_every_thread(decoder):
    before = set(threading.enumerate())
    with engine(lambda query: source(cut([]))) as (running, log):
        for name in ("a", "b"):
            running.open(name, decoder, StreamQuery(name))
            log.wait_decisions(160, name)
        assert len(set(threading.enumerate()) - before) == 3
        running.close("a")
        assert len(set(threading.enumerate()) - before) == 2
    assert set(threading.enumerate()) == before


def labels_of_trials(n: int, wrong: bool = False) -> tuple[np.ndarray, list[int], list]:
    """A signal in which each label has a pattern of its own, and its markers; `wrong` ones tell at random."""
    rng = np.random.default_rng(3)
    samples = 5 * rng.normal(size=(200 * (n + 2), len(CH_NAMES)))
    patterns = 60 * rng.normal(size=(len(LABELS), len(CH_NAMES)))
    onsets, told = [200 * (k + 1) for k in range(n)], []
    for k, onset in enumerate(onsets):
        shape = np.sin(2 * np.pi * 4 * np.arange(128) / SFREQ)[:, None]
        samples[onset : onset + 128] += shape * patterns[k % len(LABELS)]
        told.append(marker(LABELS[int(rng.integers(len(LABELS))) if wrong else k % len(LABELS)], onset, SFREQ))
    return samples, onsets, told


def adapting(decoder, samples, told, adapt):
    pull = ([chunk(samples, 0, SFREQ)], told)
    with engine(lambda query: source([pull])) as (running, log):
        running.open("s1", decoder, StreamQuery("arrays"), adapt=adapt)
        got = log.wait_decisions(len(samples) // 10)
    return got, log


def test_an_adapting_session_decides_as_the_library_with_the_same_labels(decoder):
    samples, onsets, told = labels_of_trials(40)
    got, _ = adapting(decoder, samples, told, adapt=True)
    labels = [(k, LABELS[k % len(LABELS)]) for k in range(len(onsets))]
    state = decoder.with_labels(decoder.start(adapt=True), labels)
    want, _ = decoder.step(samples, state, onsets)
    same_decisions(got, want)
    assert [d["top"][0]["label"] for d in got] == [d.top[0].label for d in want]
    plain, _ = decoder.step(samples, decoder.start(), onsets)
    assert any(a.top[0].label != b.top[0].label for a, b in zip(want, plain, strict=True))


def test_adaptation_to_wrong_labels_is_rolled_back_and_reported(decoder):
    samples, onsets, told = labels_of_trials(60, wrong=True)
    got, log = adapting(decoder, samples, told, adapt=True)
    plain, _ = decoder.step(samples, decoder.start(), onsets)
    assert log.states().count("rolled_back") == 1
    assert [d["top"][0]["label"] for d in got[-50:]] == [d.top[0].label for d in plain[-50:]]


def test_nothing_is_published_of_a_session_once_it_is_closed(decoder):
    """Closed in the middle of a round that still holds a hundred of its hops."""
    said, deciding, go_on, closed = list[bool](), threading.Event(), threading.Event(), threading.Event()

    def publish(_: str, message: Message) -> None:
        said.append(closed.is_set())
        if isinstance(message, DecisionMessage):
            deciding.set()
            go_on.wait(PATIENCE_S)

    running = Engine(publish, lambda query: source(cut([])))
    try:
        running.open("s1", decoder, StreamQuery("arrays"))
        assert deciding.wait(PATIENCE_S)
        closing = threading.Thread(target=lambda: (running.close("s1"), closed.set()))
        closing.start()
        closed.wait(1.5)  # letting go of the stream takes up to 0.9 s; then the round is waited for
        go_on.set()
        closing.join(PATIENCE_S)
    finally:
        running.stop()
    assert len(said) > 100
    assert not any(said)
