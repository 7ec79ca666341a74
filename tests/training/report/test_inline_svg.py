"""Charts have round ticks, the page's colours, tooltips, and no reference to anything."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.report.inline_svg import (
    ACCENT,
    MUTED,
    chart_axes,
    draw_band,
    draw_bars,
    draw_dots,
    draw_level,
    draw_line,
    draw_note,
    inline_svg,
    round_ticks,
)


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


def chart(text: str = "a note") -> str:
    axes = chart_axes("x", "y", (0, 2))
    draw_band(axes, [0, 1, 2], [(0.1, 0.2), (0.3, 0.5), (0.4, 0.9)])
    draw_level(axes, 0.5, "chance")
    draw_line(axes, [0, 1, 2], [0.1, 0.4, 0.8])
    draw_dots(axes, [0, 1, 2], [0.1, 0.4, 0.8], ["first <1>", "second", "third"])
    draw_bars(axes, [(0, 0.5)], [0.5], ["a bar"])
    draw_note(axes, 1, 0.4, text)
    return inline_svg(axes, "What it shows.")


def test_a_chart_is_one_element_with_alternative_text_and_text_that_is_text():
    root = ElementTree.fromstring(chart())
    assert (root.tag, root.get("role"), root.get("aria-label")) == ("svg", "img", "What it shows.")
    texts = [element.text for element in root.iter("text")]
    assert {"x", "y", "0.4", "chance", "a note"} <= set(texts)


def test_a_chart_has_no_id_no_reference_no_style_sheet_and_no_date():
    svg = chart()
    assert not re.search(r"\bid=|href|url\(|<style|<defs|xmlns|metadata|20\d\d-", svg)


def test_colours_are_variables_of_the_page():
    svg = chart()
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert {"var(--accent)", "var(--muted)", "var(--line)", "var(--card)"} <= set(re.findall(r"var\([a-z-]+\)", svg))
    assert ACCENT != MUTED


def test_dots_and_bars_have_tooltips_that_are_escaped():
    root = ElementTree.fromstring(chart())
    assert [title.text for title in root.iter("title")] == ["a bar", "first <1>", "second", "third"]
    assert "<1>" not in chart()


def test_the_same_chart_gives_the_same_bytes():
    assert chart() == chart()


def test_letters_that_the_drawing_font_lacks_are_no_warning():
    assert "日本" in chart("日本")


def test_a_logarithmic_axis_gives_every_doubling_the_same_room():
    axes = chart_axes("k", "y", (1, 16), x_ticks=[1, 2, 4, 8, 16], log_x=True)
    draw_dots(axes, [1, 2, 4, 8, 16], [0.5] * 5, ["-"] * 5)
    xs = [float(x) for x in re.findall(r"translate\(([\d.]+) ", inline_svg(axes, "-"))]
    assert [(x - 52) / 492 for x in xs] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=1e-5)


def test_an_axis_whose_ends_are_equal_is_drawn():
    assert "<svg" in inline_svg(chart_axes("epoch", "loss", (1, 1), (0, 0), x_ticks=[1]), "-")
