"""Times of counted samples: jitter is smoothed, drift followed, and a pause detected."""

import numpy as np
import pytest

from realtime.sources.arrivals import Arrivals, add_arrival, arrival_rate

SFREQ, PACKET = 1000.0, 28


def arrive(true_sfreq: float, late: np.ndarray) -> list[Arrivals]:
    """The line after each packet of a device at `true_sfreq`, packet k late by `late[k]` seconds."""
    state, states = Arrivals(), []
    for k, late_s in enumerate(late, start=1):
        count = k * PACKET
        state = add_arrival(count, 100.0 + (count - 1) / true_sfreq + late_s, state, SFREQ)
        states.append(state)
    return states


def test_jitter_of_five_milliseconds_moves_times_by_less_than_one():
    late = np.random.default_rng(0).uniform(0, 0.01, 3000)
    states = arrive(SFREQ, late)[1000:]
    errors = [state.time_of(state.count - 1) - 100.0 - (state.count - 1) / SFREQ - 0.005 for state in states]
    assert np.abs(errors).max() < 0.001
    assert arrival_rate(states[-1], SFREQ) == pytest.approx(SFREQ, rel=1e-4)


@pytest.mark.parametrize("true_sfreq", [995.0, 999.9, 1005.0])
def test_a_device_whose_clock_runs_off_is_followed_and_its_rate_found(true_sfreq):
    late = np.random.default_rng(1).uniform(0, 0.004, 3000)
    state = arrive(true_sfreq, late)[-1]
    assert state.time_of(state.count - 1) == pytest.approx(100.0 + (state.count - 1) / true_sfreq + 0.002, abs=0.002)
    assert arrival_rate(state, SFREQ) == pytest.approx(true_sfreq, rel=2e-4)


def test_the_rate_is_the_declared_one_after_half_a_second_and_measured_after_two():
    states = arrive(SFREQ, np.random.default_rng(0).uniform(0, 0.03, 80))
    assert arrival_rate(states[17], SFREQ) is None
    assert arrival_rate(states[70], SFREQ) == SFREQ
    assert SFREQ != arrival_rate(states[79], SFREQ) == pytest.approx(SFREQ, rel=0.02)


@pytest.mark.parametrize("true_sfreq", [500.0, 800.0, 900.0, 1100.0, 1250.0, 2000.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_declared_rate_is_never_accepted(true_sfreq, seed):
    states = arrive(true_sfreq, np.random.default_rng(seed).uniform(0, 0.03, 70))
    assert not any(arrival_rate(state, SFREQ) for state in states)


def test_packets_that_stall_and_come_all_at_once_are_no_pause():
    late = np.zeros(400)
    late[100:140] = np.linspace(40 * PACKET / SFREQ, 0, 40)  # over a second of them, at one moment
    states = arrive(SFREQ, late)
    assert not any(state.broken for state in states)
    worst = max(abs(state.time_of(state.count - 1) - 100.0 - (state.count - 1) / SFREQ) for state in states)
    assert worst < 0.015  # of the second that they were late


def test_a_paused_device_is_detected_within_little_more_than_a_second():
    late = np.zeros(400)
    late[200:] = 3.0
    states = arrive(SFREQ, late)
    first = next(k for k, state in enumerate(states) if state.broken)
    assert 1.0 < (first - 200) * PACKET / SFREQ < 1.2
