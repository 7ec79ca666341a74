"""A chart as SVG has the page's colours and tooltips, and no reference to anything."""

import re
from xml.etree import ElementTree

from training.report.chart import chart_axes, draw_band, draw_bars, draw_dots, draw_level, draw_line, draw_note
from training.report.inline_svg import inline_svg


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


def test_dots_and_bars_have_tooltips_that_are_escaped():
    root = ElementTree.fromstring(chart())
    assert [title.text for title in root.iter("title")] == ["a bar", "first <1>", "second", "third"]
    assert "<1>" not in chart()


def test_the_same_chart_gives_the_same_bytes():
    assert chart() == chart()


def test_letters_that_the_drawing_font_lacks_are_no_warning():
    assert "日本" in chart("日本")
