"""The sample-number channel tells what was lost, whatever chunks say."""

import numpy as np
import pytest

from benchmarks.common.amplifiers import COUNTER, CYCLE
from benchmarks.live.counter_source import CounterSource
from tests.helpers.engines import ArraySource, chunk

SFREQ = 100.0


def block(numbers, index: int):
    """A chunk of one channel and the counter, its first sample numbered `index` by whoever read it."""
    return chunk(np.stack([np.zeros(len(numbers)), np.asarray(numbers, float)], axis=1), index, SFREQ)


def read(*chunks) -> CounterSource:
    source = CounterSource(ArraySource(("Cz", COUNTER), SFREQ, [([one], []) for one in chunks]))
    for _ in chunks:
        source.pull(0.0)
    return source


def test_consecutive_numbers_lose_nothing_also_where_the_counter_restarts():
    source = read(block([7, 8, 9], 0), block([10], 3), block([11, 12], 4))
    assert (source.received, source.lost, source.misnumbered) == (6, 0, 0)
    assert read(block([CYCLE - 2, CYCLE - 1], 0), block([0, 1], 2)).lost == 0


def test_lost_samples_are_counted_between_chunks_and_inside():
    assert read(block([0, 1], 0), block([5, 6], 5)).lost == 3
    assert read(block([0, 1, 4, 5], 0)).lost == 2


@pytest.mark.parametrize("index", [2, 4])
def test_samples_with_a_wrong_index_after_a_gap_are_counted(index):
    source = read(block([0, 1], 0), block([5, 6], index))
    assert (source.lost, source.misnumbered) == (3, 2)


def test_other_attributes_are_those_of_the_source():
    source = read(block([0], 0))
    assert source.info.sfreq == SFREQ
    source.close()
    assert source.closed
