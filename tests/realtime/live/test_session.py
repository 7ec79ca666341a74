"""A session decodes its stream by name and clock, through loss and return, and says what happens in a sentence."""

import re
import time

import numpy as np
import pylsl
import pytest

from realtime.decoding.decoder import Decoder
from realtime.errors import StreamLost
from realtime.sources.lsl.source import LslSource
from realtime.sources.query import StreamQuery
from realtime.stream import Marker
from tests.helpers.bundles import CH_NAMES, LABELS, tiny_bundle
from tests.helpers.engines import T0, decoding, engine, marker, same_decisions
from tests.helpers.scripted_signal import SAMPLES, SFREQ, source, whole
from tests.helpers.waiting import PATIENCE_S

# --- from arrays


@pytest.mark.parametrize("found", [CH_NAMES[::-1], ("EEG O2-REF", "oz", "O1.", "PZ", "c4", "CZ", "C3", "FZ", "ECG")])
def test_permuted_and_differently_spelled_channels_are_read_by_name(decoder, want, found):
    rows = np.zeros((1600, len(found)))
    rows[:, :8] = SAMPLES[:, ::-1]
    with decoding(decoder, source(whole(rows), ch_names=found)) as log:
        same_decisions(log.wait_decisions(160), want)
        log.wait(lambda: log.of("signal"))
    assert np.array_equal(log.of("signal")[0]["samples"], SAMPLES.astype(np.float32))


def test_a_renamed_channel_is_found_under_the_amplifiers_name(tmp_path, want):
    """The electrode on `Right AUX` was called Oz in training; live the headband still says Right AUX."""
    renaming = Decoder(tiny_bundle(tmp_path / "tiny", sfreq=SFREQ, rename={"Right AUX": "Oz"}))
    found = tuple("right aux" if name == "Oz" else name for name in CH_NAMES)
    with decoding(renaming, source(whole(), ch_names=found)) as log:
        same_decisions(log.wait_decisions(len(want)), want)


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


def test_non_finite_samples_are_reported_once_a_burst_and_flagged(decoder):
    x = SAMPLES.copy()
    x[300:340, 2] = np.nan
    x[900, 5] = np.inf
    want, _ = decoder.step(x, decoder.start())
    with decoding(decoder, source(whole(x))) as log:
        same_decisions(log.wait_decisions(160), want)
    told = [s["detail"] for s in log.of("status") if s["state"] == "bad_samples"]
    assert [t.split(":")[0] for t in told] == ["NaN or Inf from Cz", "NaN or Inf from O1"]
    assert all(np.isfinite(d["embedding"]).all() for d in log.of("decision"))


def test_a_bad_channel_is_reported_with_its_reason_and_again_when_good(decoder):
    x = SAMPLES.copy()
    x[300:800, 2] = x[300, 2]
    want, _ = decoder.step(x, decoder.start())
    with decoding(decoder, source(whole(x))) as log:
        same_decisions(log.wait_decisions(160), want)
    told = [s for s in log.of("status") if s["state"] == "bad_channels"]
    assert [s["detail"] for s in told] == ["Bad, and interpolated from the good ones: Cz (flat).", "Good again: Cz."]
    assert not any(s["lasting"] for s in told)


def test_a_decision_has_the_clock_offset_of_its_own_samples(decoder):
    script = [{"clock_offset_s": 0.25}, whole(SAMPLES[:800]), {"clock_offset_s": -0.5}, whole(SAMPLES[800:], 800)]
    with decoding(decoder, source(*script)) as log:
        decisions = log.wait_decisions(160)
    assert {d["clock_offset_ms"] for d in decisions if d["sample"] < 800} == {250.0}
    assert {d["clock_offset_ms"] for d in decisions if d["sample"] >= 800} == {-500.0}


def test_a_late_marker_is_reported_and_an_early_one_waits_for_its_sample(decoder):
    early, late, other = marker(LABELS[0], 40, SFREQ), marker(LABELS[1], 300, SFREQ), marker("pause", 310, SFREQ)
    script = [([], [early]), whole(SAMPLES[:400]), ([], [late, other]), whole(SAMPLES[400:], 400)]
    first, state = decoder.step(SAMPLES[:400], decoder.start(), [40])
    second, _ = decoder.step(SAMPLES[400:], state, [300])
    with decoding(decoder, source(*script)) as log:
        same_decisions(log.wait_decisions(160), first + second)
    assert log.detail("late_marker") == "Marker 'teapot' came 625 ms after its sample."
    assert [(t["marker"], t["trial"]) for t in log.of("trial")] == [(LABELS[0], 0), (LABELS[1], 1)]
    assert log.states().count("late_marker") == 1


def test_a_marker_of_another_clock_is_reported_and_starts_no_trial(decoder):
    wall = Marker(LABELS[1], time.time())
    with decoding(decoder, source(whole(markers=[wall, marker(LABELS[0], 100, SFREQ)]))) as log:
        want, _ = decoder.step(SAMPLES, decoder.start(), [100])
        same_decisions(log.wait_decisions(160), want)
    assert re.match(r"Marker 'teapot' is stamped \d+ s ahead of the signal", log.detail("bad_marker"))
    assert [(t["marker"], t["trial"]) for t in log.of("trial")] == [(LABELS[0], 0)]


# --- from LSL


def outlet(name, labels=CH_NAMES, sfreq=SFREQ):
    info = pylsl.StreamInfo(name, "EEG", len(labels), sfreq, "float32", f"id-{name}")
    info.set_channel_labels(list(labels))
    info.set_channel_units("microvolts")
    return pylsl.StreamOutlet(info)


def send(out, samples, t_first, size=32):
    assert out.wait_for_consumers(PATIENCE_S)
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


def test_a_restarted_lsl_stream_continues_by_the_clock(decoder, name):
    with engine(soon) as (running, log):
        out, t0 = outlet(name), pylsl.local_clock()
        running.open("s1", decoder, StreamQuery(name, markers="none"))
        send(out, SAMPLES[:800], t0)
        log.wait_decisions(80)
        time.sleep(0.2)
        del out
        log.wait(lambda: "lost" in log.states())
        out = outlet(name)
        send(out, SAMPLES[800:], t0 + 2000 / SFREQ)
        got = log.wait_decisions(160)
    assert log.detail("reconnected") == "Samples arrive again; 1200 were lost."
    assert [d["hop"] for d in got] == list(range(160))
    first, state = decoder.step(SAMPLES[:800], decoder.start())
    second, _ = decoder.step(SAMPLES[800:], decoder.skip(state, 1200))
    same_decisions(got, first + second)
