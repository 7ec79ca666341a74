"""Whatever arrives, in whatever order: a session never raises and never decides from samples it did not have."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.decoding.decoder import Decoder
from realtime.live.messages import Message, StatusMessage
from realtime.live.packet import Packet
from realtime.live.saved_session import load_session, save_session
from realtime.live.session import Session
from realtime.sources.query import StreamQuery
from realtime.stream import Chunk, Marker
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle
from tests.helpers.engines import T0

SFREQ, HOP = 160.0, 9  # samples that the first decision of a segment needs; the others need one more
ORDER = np.arange(len(CH_NAMES))


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("properties") / "tiny", sfreq=SFREQ))


@dataclass
class Rig:
    """A session without threads, and an amplifier that does what it is told."""

    decoder: Decoder
    tracks: int
    messages: list[Message] = field(default_factory=list)
    decisions: list = field(default_factory=list)
    taken: int = 0  # number of the amplifier's next sample since it began, on one steady clock
    begun: int = 0  # number of the sample its present connection began with

    def __post_init__(self):
        self.session = self.opened()
        self.given: dict[int, float] = {}  # when each sample was taken, ms -> value of channel 0

    def opened(self, **options) -> Session:
        return Session(
            "s1", self.decoder, StreamQuery("x"), lambda query: None, lambda: None, self.publish, self.tracks, **options
        )

    def publish(self, session: str, message: Message) -> None:
        self.messages.append(message)

    def push(self, n: int, markers: list[Marker], restarted: bool = False, bad: bool = False, back: int = 0) -> None:
        """`n` samples, `back` of which came before."""
        first = max(self.begun, self.taken - back)
        numbers = np.arange(first, self.taken + n)
        samples = np.random.default_rng(first).normal(size=(len(numbers), len(CH_NAMES)))
        if bad and len(numbers):
            samples[len(numbers) // 2 :, ::3] = (np.nan, np.inf)[first % 2]
        chunk = Chunk(samples, first - self.begun, T0 + first / SFREQ, SFREQ)
        self.given |= {int(number): T0 + number / SFREQ for number in numbers}
        self.taken += n
        self.decode(Packet(chunk if len(numbers) else None, tuple(markers), ORDER, restarted))

    def decode(self, pulled: Packet) -> None:
        for hop, _ in self.session.prepare_packet(pulled):
            [rows], [state] = self.decoder.encode([hop], [self.session.state])
            decisions, self.session.state = self.decoder.decide(hop, rows, state)
            self.decisions += [(decision, self.session.time_of(decision.sample)) for decision in decisions]

    def move(self) -> None:
        """Save the session and go on in another one, whose connection counts from its own first sample."""
        data = save_session(self.session)
        self.session, self.begun = self.opened(paused=True), self.taken
        load_session(self.session, data)
        self.session.resume()


CHUNKS = st.tuples(st.just("chunk"), st.integers(0, 400))
GAPS = st.tuples(st.just("gap"), st.integers(1, 2000))
AGAIN = st.tuples(st.just("again"), st.integers(1, 300))
RESTARTS = st.tuples(st.just("restart"), st.integers(0, 2000))
BAD = st.tuples(st.just("bad"), st.integers(1, 200))
MARKERS = st.tuples(st.just("marker"), st.integers(-800, 800))
MOVES = st.tuples(st.just("move"), st.just(0))
# Senders with clocks of their own: since they began, in ns, none at all.
ODD = st.tuples(st.just("odd"), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e18, -1e300, 1e300]))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(CHUNKS, CHUNKS, GAPS, AGAIN, RESTARTS, BAD, MARKERS, ODD, MOVES), max_size=25), st.integers(1, 3)
)
def test_any_sequence_of_stream_events_gives_decisions_of_given_samples(decoder, events, tracks):
    rig, markers, restarted = Rig(decoder, tracks), [], False
    for kind, n in events:
        if kind in ("chunk", "bad"):
            rig.push(n, markers, restarted, bad=kind == "bad")
            markers, restarted = [], restarted and n == 0
        elif kind == "gap":
            rig.taken += n
        elif kind == "again":
            rig.push(5, [], restarted, back=n)
            restarted = False
        elif kind == "restart":
            rig.taken += n
            rig.begun, restarted = rig.taken, True
        elif kind == "marker":
            markers = [*markers, Marker(LABELS[n % 3], T0 + (rig.taken + n) / SFREQ)]
        elif kind == "odd":
            markers = [*markers, Marker(LABELS[0], n)]
        else:
            rig.move()
            restarted = False
    numbers = [decision.number for decision, _ in rig.decisions]
    assert sorted(set(numbers)) == list(range(len(set(numbers))))  # none skipped
    assert numbers == sorted(numbers)  # none goes back
    newest = -1
    for decision, t_lsl in rig.decisions:
        taken = round((t_lsl - T0) * SFREQ)
        assert abs(t_lsl - (T0 + taken / SFREQ)) < 1e-6
        # All samples of the hop were given, and none is used for two hops.
        assert all(number in rig.given for number in range(taken - HOP + 1, taken + 1))
        if decision.number not in numbers[: numbers.index(decision.number)] and taken != newest:
            assert taken - HOP >= newest
        newest = taken
        if decision.trial is not None:
            assert 0 <= decision.since_onset_s <= 0.8
        assert np.isfinite(decision.embedding).all()
        assert np.isfinite(decision.p).all()


def noise(n: int, index: int, t_first: float, step_s: float = 0.0) -> Chunk:
    return Chunk(np.random.default_rng(index).normal(size=(n, len(CH_NAMES))), index, t_first, SFREQ, 0, step_s)


def test_a_session_loaded_under_another_clock_continues_after_a_gap(decoder):
    """After a reboot LSL's clock begins anew: the sample it expects would otherwise be awaited for as many hours."""
    rig = Rig(decoder, 1)
    rig.push(805, [])
    rig.move()
    rig.decode(Packet(noise(400, 0, 100.0), (), ORDER))
    assert [decision.number for decision, _ in rig.decisions] == list(range(len(rig.decisions)))
    assert len(rig.decisions) > 110
    assert rig.decisions[-1][1] == pytest.approx(100.0 + 399 / SFREQ, abs=0.1)
    (gap,) = [m.detail for m in rig.messages if isinstance(m, StatusMessage) and m.state == "gap"]
    assert gap.startswith("The saved session expects samples 4903 s ahead, by another clock")


def test_a_clock_set_back_while_a_session_is_loaded_moves_no_sample(decoder):
    """The sample that is expected next is known by the clock of before."""
    rig = Rig(decoder, 1)
    rig.push(800, [])
    data = save_session(rig.session)
    rig.session = rig.opened(paused=True)
    next_s = T0 + 800 / SFREQ
    later = Packet(noise(160, 161, next_s + 161 / SFREQ - 5.0, -5.0), (), ORDER)
    rig.session.reader.backlog.extend([Packet(noise(160, 0, next_s), (), ORDER), later])
    load_session(rig.session, data)
    rig.session.resume()
    while (piece := rig.session.next_packet()) is not None:
        rig.decode(piece)
    gaps = [m.detail for m in rig.messages if isinstance(m, StatusMessage) and m.state == "gap"]
    assert gaps == ["1 samples (0.00625 s) were lost; the running trial is dropped."]
    assert len(rig.decisions) > 80 + 30


@pytest.mark.parametrize("begun", [False, True])
def test_waiting_markers_of_a_stream_without_samples_are_bounded(decoder, begun):
    """Neither before the first sample nor while an amplifier is switched off for a night."""
    rig = Rig(decoder, 1)
    if begun:
        rig.decode(Packet(noise(160, 0, T0 - 100.0), (), ORDER))
    for n in range(2000):
        rig.decode(Packet(None, (Marker(LABELS[0], T0 + n),), ORDER))
    assert len(rig.session.waiting_markers) == 500
    assert len(rig.session.state["onset.pending"]) == 0
    rig.decode(Packet(noise(160, round(2090 * SFREQ) * begun, T0 + 1990.0), (), ORDER))
    assert any(decision.trial is not None for decision, _ in rig.decisions)
