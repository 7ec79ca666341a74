"""Rate and holes are found through the jitter of time stamps."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from realtime.recordings.timestamps import rate_and_gaps, rows_at


def muse_stamps(n_packets: int, seed: int) -> np.ndarray:
    """Stamps as a Muse's packets of 12 give them: late by up to 17 ms, drifting back over eight packets."""
    rng = np.random.default_rng(seed)
    late = np.repeat(0.017 * (np.arange(n_packets) % 8) / 8 + 0.001 * rng.standard_normal(n_packets), 12)
    return np.arange(12 * n_packets) / 256 - late


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_packets=st.integers(100, 400))
def test_jitter_of_packets_gives_no_gap_and_the_right_rate(seed, n_packets):
    assert rate_and_gaps(muse_stamps(n_packets, seed), "a.csv") == (256.0, ())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), lost=st.integers(5, 100), at=st.integers(50, 200))
def test_lost_packets_are_found_through_the_jitter(seed, lost, at):
    kept = np.delete(muse_stamps(400, seed), slice(12 * at, 12 * (at + lost)))
    sfreq, gaps = rate_and_gaps(kept, "a.csv")
    assert sfreq == 256.0
    assert [row for row, _ in gaps] == [12 * at]
    assert abs(gaps[0][1] - 12 * lost) <= 3  # the jitter itself is 17 ms, 4 samples


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 1998), min_size=0, max_size=6, unique=True), st.sampled_from([250.0, 1000.0, 1024.0]))
def test_every_single_lost_sample_is_found_in_steady_stamps(lost, sfreq):
    assume(all(b - a > 1 for a, b in zip(sorted(lost), sorted(lost)[1:], strict=False)))
    stamps = np.delete(np.arange(2000) / sfreq, lost)
    assert rate_and_gaps(stamps, "a.xdf", sfreq) == (sfreq, tuple((a - i, 1) for i, a in enumerate(sorted(lost))))


def test_a_time_gets_the_nearest_row_or_the_last_one_before_a_hole():
    stamps = np.delete(np.arange(1000) / 100.0, slice(500, 600))
    sfreq, gaps = rate_and_gaps(stamps, "a")
    assert gaps == ((500, 100),)
    rows = rows_at(np.array([-0.1, 0.0, 1.004, 1.006, 5.5, 5.999, 6.0, 9.99, 10.1]), stamps, sfreq, gaps)
    assert rows.tolist() == [-1, 0, 100, 101, 499, 500, 500, 899, -1]
