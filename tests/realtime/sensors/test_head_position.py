"""Head movement is reported in millimetres."""

import numpy as np
import pytest
from mne.transforms import quat_to_rot

from realtime.sensors.head_position import HeadPosition, head_moved, position_channels

START = np.array([0.05, -0.1, 0.2, 0.001, -0.002, 0.045])
NAMES = [f"QUAT{k:03d}" for k in range(1, 10)]


def test_the_origin_is_what_mne_makes_of_the_six_numbers():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        places = []
        for _ in range(2):
            position = np.r_[rng.uniform(-0.3, 0.3, 3), rng.uniform(-0.05, 0.05, 3)]
            places.append((position, -quat_to_rot(position[:3]).T @ position[3:]))
        (first, start), (second, end) = places
        assert head_moved(first, HeadPosition()) == (None, HeadPosition(pytest.approx(tuple(start), abs=1e-12)))
        off_mm = 1e3 * np.linalg.norm(end - start)
        if off_mm > 5:
            assert head_moved(second, HeadPosition(tuple(start)))[0] == pytest.approx(off_mm)


def walk(*off_mm: float) -> list[float | None]:
    """The reports for a head at these distances from its start, one after the other."""
    reports, head = [], HeadPosition()
    for mm in (0.0, *off_mm):
        report, head = head_moved(START + [0, 0, 0, 0, 0, mm / 1e3], head)
        reports.append(report)
    return reports[1:]


def test_head_movement_is_reported_once_per_5_mm_and_again_after_return():
    assert walk(4.9, -4.9, 1) == [None] * 3
    reports = walk(6, 5.5, 4, 6, 11, 1, 0, 7)
    assert [mm is not None for mm in reports] == [True, False, False, False, True, False, False, True]
    assert [mm for mm in reports if mm] == pytest.approx([6, 11, 7])


def test_coils_that_were_not_found_are_no_movement():
    _, head = head_moved(START, HeadPosition())
    for position in (np.zeros(6), np.full(6, np.nan)):
        assert head_moved(position, head) == (None, head)
        assert head_moved(position, HeadPosition()) == (None, HeadPosition())


def test_the_channels_are_found_by_their_names():
    assert position_channels(["MEG 0111", *NAMES]).tolist() == [1, 2, 3, 4, 5, 6]
    assert position_channels([name.replace("QUAT", "CHPI") for name in NAMES]).tolist() == [0, 1, 2, 3, 4, 5]
    assert position_channels(NAMES[:5]) is None
