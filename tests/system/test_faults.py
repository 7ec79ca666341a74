"""What goes wrong on the way from an amplifier is told within a bounded time, and no wrong decision is emitted.

Real LSL, the amplifier in a process of its own. Every decision is compared with those of the samples it says it used.
The bars are in seconds of an idle machine: what the machine withholds from the processes on the way is added to them.
"""

import re
import time
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from pylsl import local_clock

from realtime.decoding.decoder import Decoder
from realtime.live.engine import Engine
from realtime.sources.query import StreamQuery
from realtime.state import State
from tests.helpers.amplifiers import Amplifier, Running, streaming, unique
from tests.helpers.bundles import CH_NAMES, HOP_SAMPLES, LABELS, tiny_bundle
from tests.helpers.engines import Log
from tests.helpers.machine import Withheld
from tests.helpers.waiting import PATIENCE_S

SFREQ = 250.0
HOP_S = HOP_SAMPLES / 128.0


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("faults") / "tiny", sfreq=SFREQ))


class Timed(Log):
    """A log that knows when each message was published, in LSL seconds."""

    def add(self, session: str, fields: dict) -> None:
        super().add(session, fields | {"published": local_clock()})

    def after(self, moment: float, kind: str, state: str | None = None) -> dict | None:
        """The first message of a kind since then."""
        found = (m for m in self.of(kind) if m["published"] > moment and state in (None, m.get("state")))
        return next(found, None)

    def wait_after(self, moment: float, kind: str, state: str | None = None) -> dict:
        self.wait(lambda: self.after(moment, kind, state) is not None)
        return self.after(moment, kind, state)

    def wait_seconds(self, seconds: float) -> None:
        """Until decisions of so much signal have come."""
        self.wait_decisions(len(self.of("decision")) + round(seconds / HOP_S), timeout_s=seconds + PATIENCE_S)


@contextmanager
def decoding(decoder: Decoder, amplifier: Amplifier, **query):
    log = Timed()
    engine = Engine(log.publish)
    try:
        engine.open("s1", decoder, StreamQuery(amplifier.source_id, markers=query.pop("markers", "none"), **query))
        yield log
    finally:
        engine.stop()


def check(decoder: Decoder, log: Timed, amplifiers: list[Running]) -> None:
    """Every decision is that of the samples its time names, taken by the amplifier that ran then.

    After a break the state is that of silence but for the slow scale, which the comparison lacks: hence the tolerance.
    """
    decisions = log.of("decision")
    assert decisions
    period = round(HOP_S * SFREQ)
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(decisions), 1) if abs(b["sample"] - a["sample"] - period) > 1)]
    state = None
    for begin, end in pairwise([*breaks, len(decisions)]):
        run = decisions[begin:end]
        source = max((a for a in amplifiers if a.t0 <= run[0]["t_lsl"]), key=lambda a: a.t0)
        # By the last one: the time of a segment's first samples is as uncertain as their stamps.
        newest = round((run[-1]["t_lsl"] - source.t0) * SFREQ)
        first = newest - (run[-1]["sample"] - run[0]["sample"]) + 1 - decoder.frontend.samples_to_next_hop(0)
        assert first >= 0
        columns = [source.amplifier.ch_names.index(name) for name in decoder.ch_names]
        samples = source.amplifier.samples(first, newest + 1)[:, columns].astype(float)
        state = decoder.start() if state is None else decoder.skip(state, 100)
        known, state = hop_by_hop(decoder, state, samples, run)
        got = np.array([d["embedding"] for d in run])
        np.testing.assert_allclose(got, known, atol=0.02 * np.abs(known).max())


def hop_by_hop(decoder: Decoder, state: State, samples: np.ndarray, run: list[dict]) -> tuple[np.ndarray, State]:
    """Embeddings of the samples that an unbroken run of decisions used, its trials told when they were told it."""
    shift = decoder.frontend.next_sample(state) - (run[0]["sample"] + 1 - decoder.frontend.samples_to_next_hop(0))
    known, trial = [], None
    for decision in run:
        onsets = []
        if decision["trial"] not in (None, trial):
            onsets = [decision["sample"] - round(decision["since_onset_s"] * SFREQ) + shift]
        trial = decision["trial"]
        n = decision["sample"] + 1 + shift - decoder.frontend.next_sample(state)
        (hop,), state = decoder.step(samples[:n], state, onsets)
        assert hop.since_onset_s == decision["since_onset_s"]
        known.append(hop.embedding)
        samples = samples[n:]
    return np.array(known), state


def lost_between(before: dict, after: dict) -> int:
    """Decisions that the seconds between two would have held."""
    return round((after["t_lsl"] - before["t_lsl"]) / HOP_S) - 1


@pytest.mark.parametrize(
    ("fault", "ch_names", "seen"),
    [
        ("source killed and restarted", CH_NAMES, "`lost`, `reconnected`, `live`"),
        ("restarted with permuted channels", CH_NAMES[::-1], "`lost`, `reconnected`; read by name"),
        ("restarted with an extra channel", ("ECG", *CH_NAMES), "`lost`, `reconnected`; left out"),
    ],
)
def test_a_killed_source_is_lost_in_1_s_and_decoded_2_s_after_its_return(decoder, row, fault, ch_names, seen):
    """Also where its channels come back in another order, or with more of them: they are read by name."""
    amplifier = unique(CH_NAMES)
    returned = Amplifier(ch_names, name=amplifier.name, source_id=amplifier.source_id)
    with streaming(amplifier) as first, decoding(decoder, amplifier) as log:
        log.wait_seconds(2)
        killed, withheld = local_clock(), Withheld()  # before: it is told while the process is being waited for
        first.kill()
        lost = log.wait_after(killed, "status", "lost")
        notice_bar = 1.0 + withheld.seconds()
        before = log.of("decision")[-1]
        with streaming(returned) as second:
            withheld = Withheld(second.process.pid)
            after = log.wait_after(second.t0, "decision")
            recover_bar = 2.0 + withheld.seconds()
            log.wait_seconds(1)
            check(decoder, log, [first, second])
    notice, recover = lost["published"] - killed, after["published"] - second.t0
    row(fault, seen, notice, recover, lost_between(before, after))
    assert notice < notice_bar
    assert recover < recover_bar


def test_a_frozen_source_is_stale_in_1_s_and_its_replacement_is_decoded_in_4_s(decoder, row):
    amplifier = unique(CH_NAMES)
    with streaming(amplifier) as first, decoding(decoder, amplifier) as log:
        log.wait_seconds(2)
        frozen, withheld = local_clock(), Withheld()
        first.freeze()
        stale = log.wait_after(frozen, "status", "stale")
        notice_bar = 1.0 + withheld.seconds()
        before = log.of("decision")[-1]
        with streaming(amplifier) as second:
            withheld = Withheld(second.process.pid)
            after = log.wait_after(second.t0, "decision")
            recover_bar = 4.0 + withheld.seconds()
            log.wait_seconds(1)
            check(decoder, log, [first, second])
    notice, recover = stale["published"] - frozen, after["published"] - second.t0
    row("frozen source replaced", "`stale`, `reconnected`, `live`", notice, recover, lost_between(before, after))
    assert notice < notice_bar
    assert recover < recover_bar


@pytest.mark.parametrize(
    ("fault", "changes", "said"),
    [
        ("restarted at half the rate", {"sfreq": SFREQ / 2}, "runs at 125 Hz, bundle 'tiny' needs 250 Hz"),
        ("restarted with a renamed channel", {"ch_names": (*CH_NAMES[:-1], "X9")}, "found no channel 'O2'"),
        ("restarted with a missing channel", {"ch_names": CH_NAMES[:-1]}, "found no channel 'O2'"),
    ],
)
def test_a_stream_that_no_longer_fits_is_refused_until_it_fits_again(decoder, row, fault, changes, said):
    amplifier = unique(CH_NAMES)
    wrong = Amplifier(**{"ch_names": CH_NAMES, "name": amplifier.name, "source_id": amplifier.source_id} | changes)
    with streaming(amplifier) as first, decoding(decoder, amplifier) as log:
        log.wait_seconds(1)
        first.kill()
        with streaming(wrong) as second:
            withheld = Withheld(second.process.pid)
            refused = log.wait_after(second.t0, "status", "mismatch")
            notice_bar = 2.0 + withheld.seconds()
            before = log.of("decision")[-1]
            assert before["t_lsl"] < second.t0
        with streaming(amplifier) as third:
            withheld = Withheld(third.process.pid)
            after = log.wait_after(third.t0, "decision")
            recover_bar = 3.0 + withheld.seconds()
            log.wait_seconds(1)
            check(decoder, log, [first, third])
    assert said in refused["detail"]
    notice, recover = refused["published"] - second.t0, after["published"] - third.t0
    row(fault, "`mismatch`, the channel or rate named", notice, recover, lost_between(before, after))
    assert notice < notice_bar
    assert recover < recover_bar  # three processes begin in it


@pytest.mark.parametrize(("times", "what", "rates"), [(0.5, "half", "12[3-7]"), (2.0, "twice", "(49|50)[0-9]")])
def test_a_stream_with_a_wrong_rate_in_its_header_is_not_decoded(decoder, row, times, what, rates):
    amplifier = unique(CH_NAMES, true_sfreq=SFREQ * times)
    with streaming(amplifier) as running, decoding(decoder, amplifier) as log:
        withheld = Withheld(running.process.pid)
        told = log.wait_after(running.t0, "status", "mismatch")
        notice_bar = 4.0 + withheld.seconds()
        time.sleep(1.0)  # its samples go on, and so would decisions
    assert re.search(rf"are stamped {rates}(\.\d)? a second, its header says 250", told["detail"])
    assert log.of("decision") == []
    assert "live" not in log.states()
    notice = told["published"] - running.t0
    row(f"{what} the rate of its header", "`mismatch`, both rates named; no decision", notice, None, "-")
    assert notice < notice_bar


def test_a_duplicate_of_the_source_id_is_reported_and_changes_nothing(decoder, row):
    amplifier = unique(CH_NAMES)
    with streaming(amplifier) as first, decoding(decoder, amplifier) as log:
        log.wait_seconds(1)
        twin = Amplifier(CH_NAMES, name=f"{amplifier.name}-twin", source_id=amplifier.source_id, seed=9)
        with streaming(twin) as second:
            withheld = Withheld(second.process.pid)
            told = log.wait_after(second.t0, "status", "duplicate")
            notice_bar = 8.0 + withheld.seconds()  # whoever replaces another needs five to be gone
            log.wait_seconds(2)
            check(decoder, log, [first])
    assert amplifier.source_id in told["detail"]
    row("duplicate source id", "`duplicate`, both named", told["published"] - second.t0, None, 0)
    assert told["published"] - second.t0 < notice_bar


def test_2_s_of_lost_samples_are_a_gap_and_stamps_are_right_within_1_s(decoder, row):
    amplifier = unique(CH_NAMES, lose=(3.0, 2.0), jitter_s=0.002)
    with streaming(amplifier) as running, decoding(decoder, amplifier) as log:
        lost_from, withheld = running.t0 + 3.0, Withheld(running.process.pid)
        gap = log.wait_after(lost_from, "status", "gap")
        notice_bar = 1.0 + withheld.seconds()
        log.wait_seconds(2.5)
    after = log.after(gap["published"], "decision")
    before = [d for d in log.of("decision") if d["t_lsl"] < lost_from][-1]
    assert gap["detail"].startswith("500 samples (2 s) were lost")
    wrong_ms = [
        abs(d["t_lsl"] - running.t0 - round((d["t_lsl"] - running.t0) * SFREQ) / SFREQ) * 1e3
        for d in log.of("decision")
        if d["t_lsl"] > lost_from + 3.0
    ]
    check(decoder, log, [running])
    assert len(wrong_ms) > 10
    row(
        "2 s of samples lost",
        f"`gap` of 500 samples; from a second later on stamps are wrong by up to {max(wrong_ms):.2f} ms (jitter 2 ms)",
        gap["published"] - lost_from - 2.0,
        after["published"] - lost_from - 2.0,
        lost_between(before, after),
    )
    assert max(wrong_ms) < 1.0
    assert gap["published"] - lost_from - 2.0 < notice_bar
    assert all(d["quality"]["gap"] for d in log.of("decision") if lost_from + 2.0 < d["t_lsl"] < lost_from + 2.9)


@pytest.mark.parametrize("by_s", [-30.0, 30.0])
def test_a_clock_that_jumps_starts_a_new_segment(decoder, row, by_s):
    amplifier = unique(CH_NAMES, jump=(3.0, by_s))
    with streaming(amplifier) as running, decoding(decoder, amplifier) as log:
        jumped, withheld = running.t0 + 3.0, Withheld(running.process.pid)
        gap = log.wait_after(jumped, "status", "gap")
        log.wait_after(gap["published"], "decision")
        recover_bar = 1.0 + withheld.seconds()
        log.wait_seconds(1)
    after = log.after(gap["published"], "decision")
    assert after["quality"]["gap"]
    late = [d for d in log.of("decision") if d["published"] > gap["published"]]
    true = [d["t_lsl"] - by_s - running.t0 for d in late]  # seconds since its first sample, as it then counts
    assert all(abs(t * SFREQ - round(t * SFREQ)) < 0.25 for t in true)
    told = "`clock`, `gap`" if log.after(jumped, "status", "clock") else "`gap`"
    row(f"clock jumps by {by_s:+g} s", told, gap["published"] - jumped, after["published"] - jumped, "-")
    assert after["published"] - jumped < recover_bar


@pytest.mark.parametrize(("kind", "said"), [("nan", "not finite"), ("flat", "flat")])
def test_a_bad_channel_is_reported_within_half_a_second(decoder, row, kind, said):
    amplifier = unique(CH_NAMES, bad=(3.0, 2.0, "Cz", kind))
    with streaming(amplifier) as running, decoding(decoder, amplifier) as log:
        begins = running.t0 + 3.0
        told = log.wait_after(begins, "status", "bad_channels")
        log.wait_seconds(4.5)
    flagged = [d["t_lsl"] for d in log.of("decision") if "Cz" in d["quality"]["bad_channels"]]
    assert "Cz" in told["detail"]
    assert said in told["detail"]
    assert flagged[0] - begins < 0.5 + HOP_S
    assert 0 < flagged[-1] - (begins + 2.0) < 2.0  # good again
    assert np.isfinite([d["embedding"] for d in log.of("decision")]).all()
    numbers = [d["hop"] for d in log.of("decision")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    what = {"nan": "NaN burst in one channel", "flat": "a channel goes flat"}[kind]
    row(
        what,
        "`bad_channels`, interpolated, decisions flagged",
        flagged[0] - begins,
        flagged[-1] - begins - 2.0,
        0,
    )


def test_a_storm_of_markers_delays_no_decision(decoder, row):
    import pylsl

    amplifier = unique(CH_NAMES)
    name = f"{amplifier.name}-markers"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, pylsl.cf_string, name))
    with streaming(amplifier) as running, decoding(decoder, amplifier, markers=name) as log:
        log.wait_seconds(1)
        assert outlet.wait_for_consumers(PATIENCE_S)
        calm, withheld = len(log.of("decision")), Withheld(running.process.pid)
        began, sent, onsets = local_clock(), 0, []
        while (now := local_clock()) < began + 3.0:
            while sent < (now - began) * 10_000:
                stamp = began + sent / 10_000
                if sent % 2000 == 0:
                    onsets.append(stamp)
                outlet.push_sample([LABELS[0] if sent % 2000 == 0 else f"noise {sent}"], stamp)
                sent += 1
            log.wait(lambda: True, 0.01)
        log.wait(lambda: len(log.of("trial")) >= len(onsets))
        log.wait_seconds(1)
        most_ms = 1000 + 1e3 * withheld.seconds()
        check(decoder, log, [running])
    ages = [d["latency_ms"]["age"] for d in log.of("decision")[calm:]]
    trials = [t["marker"] for t in log.of("trial")]
    assert set(trials) == {LABELS[0]}
    assert [t["t_onset"] for t in log.of("trial")] == pytest.approx(onsets, abs=1e-3)
    in_trial = [d for d in log.of("decision") if d["trial"] is not None]
    assert {d["trial"] for d in in_trial} <= set(range(len(onsets)))
    assert len({d["trial"] for d in in_trial}) >= len(onsets) - 1  # two that a busy machine sent at once share a hop
    assert all(abs(d["t_onset"] - onsets[d["trial"]]) < 0.75 / SFREQ for d in in_trial)
    numbers = [d["hop"] for d in log.of("decision")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert max(ages) < most_ms  # behind the 30,000 markers of the storm it would be seconds
    seen = f"{len(trials)} of {len(onsets)} trials; age of decisions at most {max(ages):.0f} ms"
    row("10,000 markers a second", seen, None, None, 0)
