"""Axes have round ticks and place their marks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report.chart import chart_axes, draw_dots, round_ticks
from training.report.inline_svg import inline_svg


@given(st.floats(-10, 10), st.floats(0.02, 2000))
def test_ticks_are_few_round_and_inside(low, length):
    ticks = round_ticks(low, low + length)
    assert 1 <= len(ticks) <= 6
    assert all(low - 1e-6 <= tick <= low + length + 1e-6 for tick in ticks)
    assert all(len(f"{tick:g}") <= 7 for tick in ticks)


def test_ticks_by_hand():
    assert round_ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_ticks(0, 3.5) == [0, 1, 2, 3]
    assert round_ticks(0, 427) == [0, 100, 200, 300, 400]


def test_a_logarithmic_axis_gives_every_doubling_the_same_room():
    axes = chart_axes("k", "y", (1, 16), x_ticks=[1, 2, 4, 8, 16], log_x=True)
    draw_dots(axes, [1, 2, 4, 8, 16], [0.5] * 5, ["-"] * 5)
    xs = [float(x) for x in re.findall(r"translate\(([\d.]+) ", inline_svg(axes, "-"))]
    assert [(x - 52) / 492 for x in xs] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=1e-5)


def test_an_axis_whose_ends_are_equal_is_drawn():
    assert "<svg" in inline_svg(chart_axes("epoch", "loss", (1, 1), (0, 0), x_ticks=[1]), "-")
