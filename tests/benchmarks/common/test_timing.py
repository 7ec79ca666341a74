"""Deadlines and jitter are counted right."""

import numpy as np
import pytest

from benchmarks.common.timing import DecisionTiming, jitter, percentiles, summarise_timings


def timing(late_s, hops=None, hop_s=0.04) -> DecisionTiming:
    network = DecisionTiming(hop_s)
    for k, late in zip(hops or range(len(late_s)), late_s, strict=True):
        network.add(k, k * hop_s, k * hop_s + late)
    return network


def test_only_a_decision_later_than_a_hop_misses_its_deadline():
    assert timing([0.01, 0.039, 0.041, 0.3]).misses == 2


def test_hops_without_a_decision_are_misses_too_and_two_trials_of_one_hop_are_not():
    assert timing([0.01] * 4, hops=[3, 4, 4, 8]).misses == 3


def test_decisions_due_in_the_measured_time_are_counted_however_late():
    kept = timing([0.01, 0.2, 0.01, 0.01, 0.01]).between(0.06, 0.16)
    assert kept.hops == [1, 2, 3]  # due at 0.08, 0.12 and 0.16
    assert kept.misses == 1  # hop 1 came after the end


def test_a_stream_that_stops_or_begins_late_misses_every_deadline_without_a_decision():
    ten = timing([0.01] * 10)  # due from 0.04 to 0.4
    assert ten.between(0.0, 0.43).misses == 0
    assert ten.between(0.0, 0.8 + 0.02).misses == 10
    assert ten.between(-0.4 + 0.02, 0.43).misses == 10
    assert timing([]).between(0.0, 1.0).misses == 25


def test_stamps_that_jitter_about_the_ends_miss_nothing():
    rng = np.random.default_rng(0)
    jittered = DecisionTiming(0.04)
    for k in range(1000):
        taken = k * 0.04 + 0.001 * rng.standard_normal()
        jittered.add(k, taken, taken + 0.01)
    assert not sum(jittered.between(a, a + 10.0).misses for a in np.arange(1.0, 20.0, 0.013))


def test_even_decisions_have_no_jitter_and_a_stutter_shows():
    assert timing([0.01] * 50).misses == 0
    assert jitter(timing([0.01] * 50).interval_ms) == {"sd": pytest.approx(0), "p99_less_p50": pytest.approx(0)}
    uneven = jitter(timing([0.01, 0.03] * 25).interval_ms)
    assert uneven is not None
    assert uneven["sd"] == pytest.approx(20, rel=0.05)


def test_figures_of_several_streams_add_up():
    found = summarise_timings([timing([0.01] * 5), timing([0.01, 0.1])])
    assert (found["decisions"], found["deadline_misses"]) == (7, 1)
    assert percentiles(np.array([])) is None
