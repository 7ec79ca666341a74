"""Nothing is decoded before a stream's rate is known, nothing of an honest one is lost, markers never are."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime.live.rate_check import UNKNOWN_S, RateCheck
from realtime.stream import Chunk, Marker

SFREQ = 100.0


def chunk(begin: int, end: int) -> Chunk:
    return Chunk(np.arange(begin, end, dtype=float)[:, None], begin, begin / SFREQ, SFREQ)


def numbers(chunks: list[Chunk]) -> list[int]:
    return [int(x) for c in chunks for x in c.samples[:, 0]]


MARK = Marker("a", 0.1)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 8))
def test_all_samples_of_a_right_rate_are_released_in_order(sizes, known_at):
    rate_check, begin, got, marks = RateCheck("x", SFREQ), 0, [], []
    for k, size in enumerate(sizes):
        passed, more = rate_check.release([chunk(begin, begin + size)], [MARK], SFREQ if k >= known_at else None)
        begin, got, marks = begin + size, got + numbers(passed), marks + more
        if k < known_at and begin <= UNKNOWN_S * SFREQ:
            assert (got, marks, rate_check.problem()) == ([], [], None)
    if known_at < len(sizes):
        assert got == list(range(begin))
        assert len(marks) == len(sizes)


def test_rate_mismatch_drops_held_samples_and_keeps_markers():
    rate_check = RateCheck("x", SFREQ)
    assert rate_check.release([chunk(0, 50)], [MARK], None) == ([], [])
    assert rate_check.release([chunk(50, 100)], [], 50.0) == ([], [MARK])
    assert "stamped 50 a second, its header says 100" in rate_check.problem()
    assert rate_check.release([chunk(100, 150)], [], None) == ([], [])  # after a gap what was found holds
    passed, _ = rate_check.release([chunk(150, 200)], [], 100.5)
    assert numbers(passed) == list(range(150, 200))
    assert rate_check.problem() is None


def test_a_rate_that_is_never_known_is_reported_and_memory_is_bounded():
    rate_check, marks = RateCheck("x", SFREQ), []
    for begin in range(0, 6000, 100):
        passed, more = rate_check.release([chunk(begin, begin + 50)], [MARK], None)
        assert passed == []
        marks += more
        if begin >= 800:  # half of them are lost
            assert "break off again and again" in rate_check.problem()
    assert len(marks) == 60
    passed, _ = rate_check.release([chunk(6000, 6050)], [], SFREQ)
    assert numbers(passed) == list(range(6000, 6050))
    assert rate_check.problem() is None


def test_markers_without_samples_are_released_at_once():
    rate_check = RateCheck("x", SFREQ)
    assert rate_check.release([], [MARK], None) == ([], [MARK])


def test_lost_samples_before_the_rate_is_known_are_not_unmeasurable_stamps():
    rate_check = RateCheck("x", SFREQ)
    assert rate_check.release([chunk(0, 40)], [], None) == ([], [])
    assert rate_check.release([chunk(3000, 3040)], [], None) == ([], [])
    assert rate_check.problem() is None
    passed, _ = rate_check.release([chunk(3040, 3050)], [], SFREQ)
    assert numbers(passed) == [*range(40), *range(3000, 3050)]


def test_samples_pending_before_a_clock_step_are_dropped():
    """Its markers would be placed by the clock after."""
    rate_check = RateCheck("x", SFREQ)
    rate_check.release([chunk(0, 40)], [], None)
    passed, _ = rate_check.release([replace(chunk(41, 60), clock_step_s=-30.0)], [], SFREQ)
    assert numbers(passed) == list(range(41, 60))
