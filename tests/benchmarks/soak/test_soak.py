"""The simulated day: live equals offline through all that happens, and a decision that differs is counted."""

import copy
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.soak import soak as bench
from benchmarks.soak.schedule import SimulatedDay
from benchmarks.soak.source import DaySource
from realtime.decoding.decoder import Decoder
from tests.helpers.bundles import tiny_bundle


@pytest.fixture(scope="module")
def decoder(tmp_path_factory) -> Decoder:
    return Decoder(tiny_bundle(tmp_path_factory.mktemp("soak") / "tiny"))


@pytest.fixture
def eventful(monkeypatch):
    for share in ("GAP_SHARE", "NAN_SHARE"):
        monkeypatch.setattr(f"benchmarks.soak.schedule.{share}", 0.4)
    monkeypatch.setattr("benchmarks.soak.schedule.CUT_SHARE", 0.7)


def test_a_day_with_gaps_nan_trials_and_reconnects_is_decoded_live_as_offline(decoder, eventful):
    found = bench.run_soak(decoder, hours=12 * 20 / 3600, say=print)
    assert found["mismatched_decisions"] == 0
    assert found["decisions"] > 1000
    assert min(found[key] for key in ("gaps", "nan_bursts", "reconnects", "trials")) > 0
    assert abs(found["stamp_drift_ms"]) < 2
    assert found["stamp_error_ms"] < 8  # one sample
    assert {"stream_hours", "rss_growth_mb"} <= found.keys()


def test_a_day_is_the_same_for_a_seed_and_loses_the_samples_it_counts(decoder, eventful):
    manifest = decoder.bundle.manifest
    one, same = SimulatedDay(manifest, seed=3), SimulatedDay(manifest, seed=3)
    pieces = [piece for stretch in one.segments(0.1) for piece in stretch]
    again = [piece for stretch in same.segments(0.1) for piece in stretch]
    assert all(np.array_equal(a.samples, b.samples, equal_nan=True) for a, b in zip(pieces, again, strict=True))
    jumps = sum(b.first != a.end for a, b in zip(pieces, pieces[1:], strict=False))
    assert jumps == one.events["gaps"] + one.events["reconnects"] > 0
    assert sum(piece.reopened for piece in pieces) == one.events["reconnects"]
    assert all(piece.first <= onset < piece.end for piece in pieces for onset, _ in piece.markers)


@pytest.mark.parametrize("defect", ["one sample is another", "a lost sample is not counted", "a marker is lost"])
def test_a_defect_on_the_live_side_is_noticed(decoder, eventful, monkeypatch, defect):
    """Planted once, on the way from the source to the engine."""
    pull, planted = DaySource.pull, list[str]()

    def spoilt(source, timeout_s, min_samples=1):
        chunks, markers = pull(source, timeout_s, min_samples)
        if not planted and chunks and chunks[0].index > 1000:
            [first, *others] = chunks
            if defect == "one sample is another":
                rows = first.samples.copy()
                rows[0, 0] += 1.0
                chunks = [replace(first, samples=rows), *others]
                planted.append(defect)
            elif defect == "a lost sample is not counted" and first.gap_samples:
                chunks = [replace(first, index=first.index - 1, gap_samples=first.gap_samples - 1), *others]
                planted.append(defect)
            elif defect == "a marker is lost" and markers:
                markers = markers[1:]
                planted.append(defect)
        return chunks, markers

    monkeypatch.setattr(DaySource, "pull", spoilt)
    found = bench.run_soak(decoder, hours=9 * 20 / 3600, say=print)
    assert planted
    assert found["mismatched_decisions"] > 0


@pytest.fixture
def pair(decoder):
    """Messages of a stretch and what offline says of it."""
    day = SimulatedDay(decoder.bundle.manifest)
    stretch = next(day.segments(0.1))
    expected, *_ = bench.decode_offline(decoder, stretch, decoder.start(), 0)
    log, pieces = bench.PublishedDecisions(), deque(stretch)
    engine = bench.Engine(log.publish, lambda query: DaySource(decoder, pieces, log, 1000.0))
    engine.open("s1", decoder, bench.StreamQuery("day"))
    try:
        live = bench.wait_for_decisions(log, expected)
    finally:
        engine.stop()
    return live, expected


def test_decisions_that_differ_or_are_missing_are_counted(pair):
    live, expected = pair
    assert bench.differences(live, expected) == 0
    assert bench.differences(live[:-3], expected) == 3
    for change in (
        {"sample": -1},
        {"decided": not live[5].decided},
        {"embedding": np.nextafter(live[5].embedding, np.float32(9))},
        {"top": live[5].top[::-1]},
        {"p": live[5].p + 1e-9},
        {"quality": replace(live[5].quality, artifact=not live[5].quality.artifact)},
        {"quality": replace(live[5].quality, bad_channels=("Fz",))},
    ):
        wrong = copy.copy(live)
        wrong[5] = replace(live[5], **change)
        assert bench.differences(wrong, expected) == 1, change
