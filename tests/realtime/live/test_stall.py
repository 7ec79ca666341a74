"""A steady stream is stale after 0.7 s, one that comes in blocks after longer than its blocks take."""

import pytest

from realtime.live.stall import MIN_LIMIT_S, StallDetector
from realtime.live.stream_reader import PULL_S


@pytest.mark.parametrize("pause_s", [0.004, 0.1, 0.5])
def test_a_stream_is_stale_within_a_second(pause_s):
    stall = StallDetector(0.0)
    for k in range(20):
        assert not stall.is_stalled(k * pause_s)
        stall.samples_arrived(k * pause_s)
    assert stall.is_stalled(19 * pause_s + 0.9 - PULL_S)  # seen at the next pull


@pytest.mark.parametrize("block_s", [0.5, 0.7, 1.0, 3.0])
def test_late_blocks_are_no_stall(block_s):
    stall, last = StallDetector(0.0), 0.0
    for k in range(1, 20):
        now = k * block_s + (0.25 * block_s if k % 2 else 0.0)
        assert k <= 3 or not stall.is_stalled(now)  # by then its pauses are known
        stall.samples_arrived(now)
        last = now
    assert stall.is_stalled(last + 2 * block_s + MIN_LIMIT_S)


def test_one_long_pause_does_not_raise_the_limit():
    stall = StallDetector(0.0)
    for now in [0.1, 0.2, 0.3, 0.4, 30.0, 30.1, 30.2]:
        stall.samples_arrived(now)
        assert stall.limit_s == MIN_LIMIT_S


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 8])
def test_a_block_read_in_pieces_is_one_block(pieces):
    stall = StallDetector(0.0)
    for k in range(1, 30):
        assert k <= 3 or not stall.is_stalled(float(k))
        for piece in range(pieces):
            stall.samples_arrived(k + 0.01 * piece)
