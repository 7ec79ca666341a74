"""Exact stamps stay exact, jitter is no gap, lost samples are, and chunks do not matter."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.sources.dejitter import ClockSegment, ClockState, earliest, measured_rate, place_samples

SFREQ = 250.0
T0 = 5000.0


def run(stamps, cuts=(), sfreq=SFREQ):
    segments, state = [], ClockState()
    for part in np.split(np.asarray(stamps), sorted(cuts)):
        more, state = place_samples(part, state, sfreq)
        segments += more
    return segments, state


def flat(segments: list[ClockSegment]):
    """Number and time of every placed sample."""
    numbers = [np.arange(len(s.times)) + s.index for s in segments]
    return np.concatenate(numbers), np.concatenate([s.times for s in segments])


def regular(n, sfreq=SFREQ):
    return T0 + np.arange(n) / sfreq


def muse(n, seed=0, sfreq=256.0):
    """Packets of 12 samples, each late by up to 30 ms as a whole."""
    late = np.random.default_rng(seed).uniform(0, 0.03, n // 12 + 1)
    return regular(n, sfreq) + np.repeat(late, 12)[:n]


def breaks(segments):
    return [(s.index, s.lost) for s in segments if s.lost]


@pytest.mark.parametrize("sfreq", [100.0, 250.0, 256.0, 512.0, 1000.0])
def test_regular_stamps_give_exact_times_and_no_gap(sfreq):
    stamps = regular(int(20 * sfreq), sfreq)
    numbers, times = flat(run(stamps, sfreq=sfreq)[0])
    np.testing.assert_array_equal(numbers, np.arange(len(stamps)))
    np.testing.assert_allclose(times, stamps, atol=1e-6, rtol=0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    jitter_ms=st.sampled_from([0.0, 2.0, 10.0]),
    losses=st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 800)), max_size=4),
    cuts=st.lists(st.integers(0, 1500), max_size=12),
)
def test_chunks_change_neither_numbers_nor_times(seed, jitter_ms, losses, cuts):
    numbers = np.arange(1500)
    for at, lost in losses:
        numbers[at:] += lost
    stamps = T0 + numbers / SFREQ + np.random.default_rng(seed).normal(0, jitter_ms / 1e3, 1500)
    whole, end = run(stamps)
    parts, end_parts = run(stamps, cuts)
    assert end == end_parts
    for a, b in zip(flat(whole), flat(parts), strict=True):
        np.testing.assert_array_equal(a, b)
    assert breaks(whole) == breaks(parts)
    single, end_single = run(stamps, range(1, len(stamps)))
    assert end == end_single
    for a, b in zip(flat(whole), flat(single), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=30, deadline=None)
@given(at=st.integers(1000, 2000), lost=st.integers(2, 5000))
def test_lost_samples_of_a_steady_stream_are_counted_exactly(at, lost):
    numbers = np.arange(3000)
    numbers[at:] += lost
    segments, _ = run(T0 + numbers / SFREQ)
    assert breaks(segments) == [(at + lost, lost)]
    found, times = flat(segments)
    np.testing.assert_array_equal(found, numbers)
    np.testing.assert_allclose(times, T0 + numbers / SFREQ, atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(20))
def test_packets_late_by_30_ms_are_no_gap_and_are_smoothed(seed):
    stamps = muse(256 * 40, seed)
    segments, _ = run(stamps, sfreq=256.0)
    numbers, times = flat(segments)
    assert breaks(segments) == []
    late = (times - regular(len(times), 256.0))[256 * 20 :]
    assert late.std() < 0.002 < (stamps - regular(len(stamps), 256.0)).std()


@pytest.mark.parametrize("seed", range(10))
def test_two_lost_seconds_among_late_packets_are_a_gap_of_two_seconds(seed):
    stamps = muse(256 * 40, seed)
    stamps[256 * 20 :] += 2.0
    segments, _ = run(stamps, sfreq=256.0)
    [(_, lost)] = breaks(segments)
    assert lost == pytest.approx(512, abs=10)


def test_a_stall_delivered_in_a_burst_is_no_gap():
    stamps = regular(5000)
    held_up = (stamps > T0 + 10) & (stamps < T0 + 11)
    stamps[held_up] = T0 + 11 + 0.01 * (stamps[held_up] - T0 - 10)
    segments, state = run(stamps)
    assert breaks(segments) == []
    assert not state.pending


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("sfreq", [160.0, 250.0, 1000.0])
def test_a_second_after_two_lost_ones_time_is_right_to_a_millisecond_and_stays_right(sfreq, seed):
    """Stamps jitter by 2 ms; the dejitter of liblsl is wrong by 2 s here, for minutes."""
    n = round(40 * sfreq)
    numbers = np.arange(n)
    numbers[round(20 * sfreq) :] += round(2 * sfreq)
    true = T0 + numbers / sfreq
    segments, _ = run(true + np.random.default_rng(seed).normal(0, 0.002, n), sfreq=sfreq)
    found, times = flat(segments)
    assert [index for index, _ in breaks(segments)] == [pytest.approx(numbers[round(20 * sfreq)], abs=0.01 * sfreq)]
    late = times - true[: len(times)]
    assert np.abs(late[round(21 * sfreq) :]).max() < 0.001
    assert np.abs(late).max() < 0.02


@pytest.mark.parametrize("step_s", [-400.0, -0.5, 0.5, 400.0])
def test_a_clock_that_jumps_starts_a_new_segment_whose_times_are_the_new_ones(step_s):
    stamps = regular(3000)
    stamps[1500:] += step_s
    segments, _ = run(stamps)
    assert breaks(segments) == [(1501, 1) if step_s < 0 else (1500 + step_s * SFREQ, step_s * SFREQ)]
    assert [s.back_s for s in segments if s.lost] == [pytest.approx(min(step_s, 0.0))]
    _, times = flat(segments)
    np.testing.assert_allclose(times, stamps, atol=1e-6, rtol=0)


piece = st.tuples(
    st.integers(1, 400),  # samples
    st.one_of(st.just(0.0), st.floats(-500.0, 500.0)),  # seconds the clock, or what was lost, moves before it
    st.sampled_from([0.0, 0.001, 0.03, 2.0]),  # jitter, seconds
    st.sampled_from([0.0, 0.5, 1.0, 1.02, 2.0]),  # pace
)


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(piece, min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 2400), max_size=12),
    seed=st.integers(0, 1000),
)
def test_sample_numbers_and_times_ascend_in_a_segment_for_any_stamps(pieces, cuts, seed):
    rng, stamps, t = np.random.default_rng(seed), [], T0
    for n, step_s, jitter_s, pace in pieces:
        run_s = t + step_s + np.arange(n) * pace / SFREQ
        stamps.append(run_s + rng.normal(0, jitter_s, n))
        t = run_s[-1] + 1 / SFREQ
    whole = np.concatenate(stamps)
    segments, state = run(whole)
    placed = sum(len(segment.times) for segment in segments)
    assert placed + len(state.pending) == len(whole)
    if segments:
        assert (np.diff(flat(segments)[0]) > 0).all()
    for segment in segments:
        assert (np.diff(segment.times) >= 0).all()
        assert np.isfinite(segment.times).all()
    rate = measured_rate(state, SFREQ)
    assert rate is None or np.isfinite(rate)
    parts, end = run(whole, [cut for cut in cuts if cut < len(whole)])
    assert end == state
    assert breaks(parts) == breaks(segments)


def test_only_doubtful_samples_are_pending_and_for_a_tenth_of_a_second():
    stamps = regular(2000)
    stamps[1500:] += 1.0
    state = ClockState()
    held = []
    for stamp in stamps:
        _, state = place_samples(np.array([stamp]), state, SFREQ)
        held.append(len(state.pending))
    assert max(held[:1500]) == 0
    assert max(held) == 24
    assert held[1525:] == [0] * 475


@pytest.mark.parametrize("true", [250.0, 250.5, 240.0, 256.0, 500.0])
def test_a_rate_that_differs_from_the_nominal_one_is_measured(true):
    _, state = run(regular(2000, true))
    assert measured_rate(state, SFREQ) == pytest.approx(true, rel=0.002)


def first_known(stamps, sfreq):
    """Stamps seen until a rate is known, that rate, and every one known after."""
    state, rates, seen = ClockState(), [], None
    for k, stamp in enumerate(stamps, start=1):
        _, state = place_samples(np.array([stamp]), state, sfreq)
        if (rate := measured_rate(state, sfreq)) is not None:
            seen = seen or k
            rates.append(rate)
    return seen, rates


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter_s", [0.0, 0.002, 0.01])
def test_an_honest_rate_is_known_after_half_a_second(jitter_s, seed):
    stamps = regular(1000) + np.random.default_rng(seed).normal(0, jitter_s, 1000)
    seen, rates = first_known(stamps, SFREQ)
    assert seen == 125
    assert rates[0] == SFREQ
    assert max(abs(rate / SFREQ - 1) for rate in rates) < 0.02


@pytest.mark.parametrize("seed", range(10))
def test_the_rate_of_a_headset_s_packets_is_known_within_a_second(seed):
    seen, rates = first_known(muse(256 * 5, seed), 256.0)
    assert seen < 256
    assert max(abs(rate / 256.0 - 1) for rate in rates) < 0.02


def test_the_rate_of_real_headsets_is_known_after_half_a_second():
    if "GLIMPSE_DATA" not in os.environ:
        pytest.skip("set GLIMPSE_DATA to a folder that holds muse_n170/ and others, from eeg-notebooks")
    files = sorted(Path(os.environ["GLIMPSE_DATA"]).rglob("muse*/**/block1.csv"))
    assert len(files) > 3
    for file in files:
        stamps = np.loadtxt(file, delimiter=",", skiprows=1, usecols=0)
        for begin in range(0, len(stamps) - 1000, 5000):
            seen, rates = first_known(stamps[begin : begin + 1000], 256.0)
            assert seen == 128
            assert max(abs(rate / 256.0 - 1) for rate in rates) < 0.02


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter_s", [0.0, 0.002, 0.01])
@pytest.mark.parametrize("true", [62.5, 125.0, 200.0, 300.0, 500.0])
def test_a_wrong_declared_rate_is_never_accepted(true, jitter_s, seed):
    stamps = regular(1000, true) + np.random.default_rng(seed).normal(0, jitter_s, 1000)
    seen, rates = first_known(stamps, SFREQ)
    assert seen / true < 10.0
    assert all(abs(rate / true - 1) < 0.05 for rate in rates)


@pytest.mark.parametrize("size", [8, 32, 100])
@pytest.mark.parametrize("true", [128.0, 512.0])
def test_nor_where_stamps_inside_a_packet_are_made_up_by_the_declared_one(true, size):
    n = np.arange(2048)
    stamps = T0 + (n // size + 1) * size / true - (size - 1 - n % size) / 256.0
    _, rates = first_known(stamps, 256.0)
    assert all(abs(rate / 256.0 - 1) > 0.3 for rate in rates)


def test_after_a_gap_a_rate_found_before_is_not_doubted_before_two_seconds():
    stamps = regular(2000, 240.0)
    stamps[1000:] += 1.0
    state, rates = ClockState(), []
    for stamp in stamps:
        _, state = place_samples(np.array([stamp]), state, SFREQ)
        rates.append(measured_rate(state, SFREQ))
    assert rates[1000:1400] == [pytest.approx(240.0, rel=0.005)] * 24 + [None] * 376
    assert rates[-1] == pytest.approx(240.0, rel=0.005)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("on_arrival", [False, True])
@pytest.mark.parametrize(("packet", "late_s"), [(1, 0.0), (1, 0.005), (8, 0.005), (8, 0.02), (20, 0.02)])
@pytest.mark.parametrize("hop", [4, 10, 16, 40])
def test_who_sleeps_until_the_earliest_time_of_a_sample_is_not_late_for_it(packet, late_s, on_arrival, hop, seed):
    """Steady stamps and those of packets that come late, stamped when taken or when they arrive."""
    packets = 6000 // packet
    late = np.random.default_rng(seed).uniform(0, late_s, packets)
    arrival = np.maximum.accumulate((np.arange(packets) + 1) * packet / SFREQ + late).repeat(packet)
    stamps = arrival if on_arrival else np.arange(1, len(arrival) + 1) / SFREQ
    state, taken, now, overslept = ClockState(), 0, arrival[0], []
    while True:
        there = int(np.searchsorted(arrival, now, side="right"))
        _, state = place_samples(stamps[taken:there], state, SFREQ)
        taken, wanted = there, hop - there % hop
        if taken + wanted > len(arrival):
            break
        woken = max(now, earliest(wanted, state))
        overslept.append(woken - arrival[taken + wanted - 1])
        now = max(woken, arrival[taken + wanted - 1])
    assert max(overslept[20:]) < 0.001
