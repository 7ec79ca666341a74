"""Axes and ticks of the charts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report.svg import Axis, ticks


@given(st.floats(-10, 10), st.floats(0.02, 2000))
def test_ticks_are_few_round_and_inside(low, length):
    found = ticks(low, low + length)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 <= tick <= low + length + 1e-6 for tick in found)
    assert all(len(f"{tick:g}") <= 7 for tick in found)


def test_ticks_by_hand():
    assert ticks(0, 1) == (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert ticks(0, 3.5) == (0, 1, 2, 3)
    assert ticks(0, 427) == (0, 100, 200, 300, 400)


def test_a_logarithmic_axis_gives_every_doubling_the_same_room():
    axis = Axis("k", 1, 16, (), log=True)
    assert [axis.place(k) for k in (1, 2, 4, 8, 16)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert Axis("k", 0, 4, ()).place(1) == 0.25
