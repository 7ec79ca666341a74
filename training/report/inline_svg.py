"""Charts drawn by matplotlib and written as inline SVG in the colours of the page.

One SVG unit is one point: figures have 72 dots per inch.
"""

import re
import warnings
from collections.abc import Sequence
from io import StringIO
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

UNITS_PER_INCH = 72
WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 44  # margins
MAX_TICKS = 6

# The drawing uses the page's light colours. The SVG refers to the page's variables, so it follows dark mode and print.
INK, MUTED, LINE, ACCENT, CARD, ON_ACCENT = "#14202a", "#586673", "#e3e8ed", "#0b6e8a", "#ffffff", "#fffffe"
PAGE_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    CARD: "var(--card)",
    ON_ACCENT: "var(--on)",
}
TIP, NOTE = "tip:", "note"  # group ids: "tip:TEXT" becomes a tooltip, "note" becomes a CSS class
SVG, HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def blank_axes(width: float, height: float, margins: tuple[float, float, float, float]) -> Axes:
    """Axes without a frame in a figure of `width` x `height` units; `margins` are left, right, top, bottom."""
    left, right, top, bottom = margins
    figure = Figure(figsize=(width / UNITS_PER_INCH, height / UNITS_PER_INCH), dpi=UNITS_PER_INCH)
    figure.patch.set_visible(False)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(bottom=False, left=False, top=False, pad=8, labelsize=12, labelcolor=MUTED)
    return axes


def chart_axes(
    x_label: str,
    y_label: str,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float] = (0, 1),
    x_ticks: Sequence[float] | None = None,
    log_x: bool = False,
) -> Axes:
    """Axes with labels, round ticks (`x_ticks` where given) and horizontal grid lines; `log_x` is to base 2."""
    axes = blank_axes(WIDTH, HEIGHT, (LEFT, RIGHT, TOP, BOTTOM))
    if log_x:
        axes.set_xscale("log", base=2)
    axes.set(xlim=_widened(*x_limits), ylim=_widened(*y_limits))
    axes.xaxis.set_major_locator(FixedLocator(round_ticks(*x_limits) if x_ticks is None else x_ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(FixedLocator(round_ticks(*y_limits)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.grid(axis="y", color=LINE, linewidth=1)
    axes.set_axisbelow(True)
    units = axes.figure.transFigure
    axes.set_xlabel(x_label, color=MUTED, fontsize=12.5, va="baseline")
    axes.xaxis.set_label_coords((LEFT + WIDTH - RIGHT) / 2 / WIDTH, 6 / HEIGHT, units)
    axes.set_ylabel(y_label, color=MUTED, fontsize=12.5, va="baseline")
    axes.yaxis.set_label_coords(12 / WIDTH, (BOTTOM + HEIGHT - TOP) / 2 / HEIGHT, units)
    return axes


def round_ticks(low: float, high: float) -> list[float]:
    """At most `MAX_TICKS` round numbers from `low` to `high`."""
    slack = 1e-9 * max(abs(low), abs(high))
    ticks = MaxNLocator(MAX_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low - slack <= tick <= high + slack]


def draw_line(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], colour: str = ACCENT, width: float = 2, alpha: float = 1
) -> None:
    """Draw a line through the points."""
    axes.plot(xs, ys, color=colour, linewidth=width, alpha=alpha, solid_joinstyle="round", clip_on=False)


def draw_reference(axes: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Draw a thin dashed line."""
    axes.plot(xs, ys, color=MUTED, linewidth=1, linestyle=(0, (4, 4)), clip_on=False)


def draw_band(axes: Axes, xs: Sequence[float], ends: Sequence[Sequence[float]]) -> None:
    """Fill the area between the (low, high) ends at each x."""
    low, high = zip(*ends, strict=True)
    axes.fill_between(xs, low, high, color=ACCENT, alpha=0.15, linewidth=0, clip_on=False)


def draw_bars(
    axes: Axes,
    spans: Sequence[tuple[float, float]],
    heights: Sequence[float],
    tips: Sequence[str],
    colour: str = ACCENT,
) -> None:
    """Draw a bar over each (from, to) span of x; `tips` show on hover."""
    for (low, high), height, tip in zip(spans, heights, tips, strict=True):
        bars = axes.bar(low, height, high - low, align="edge", color=colour, edgecolor=CARD, clip_on=False)
        bars[0].set_gid(TIP + tip)


def draw_dots(
    axes: Axes,
    xs: Sequence[float],
    ys: Sequence[float],
    tips: Sequence[str],
    radii: Sequence[float] | None = None,
    colour: str = ACCENT,
) -> None:
    """Draw a dot at each point, `radii` in units; `tips` show on hover."""
    for x, y, tip, radius in zip(xs, ys, tips, radii or [4.0] * len(xs), strict=True):
        area = (2 * radius) ** 2
        axes.scatter([x], [y], area, colour, edgecolors=CARD, linewidths=1.5, zorder=3, clip_on=False, gid=TIP + tip)


def draw_note(axes: Axes, x: float, y: float, text: str, above: bool = True, align: str = "center") -> None:
    """Write a few words above or below a point; `align` is matplotlib's horizontal alignment."""
    note = axes.annotate(
        text,
        (x, y),
        (0, 8 if above else -17),
        textcoords="offset points",
        annotation_clip=False,
        ha=align,
        va="baseline",
    )
    note.set(color=MUTED, fontsize=12, gid=NOTE)


def draw_level(axes: Axes, y: float, text: str) -> None:
    """Draw a dashed line across the chart with its name at the right end."""
    low, high = axes.get_xlim()
    draw_reference(axes, [low, high], [y, y])
    foot, top = axes.get_ylim()
    draw_note(axes, high, y, text, above=(y - foot) / (top - foot) < 0.12, align="right")


def inline_svg(axes: Axes, alt: str) -> str:
    """The figure of `axes` as an SVG element for an HTML page; `alt` is its alternative text."""
    figure, buffer = axes.figure, StringIO()
    assert isinstance(figure, Figure)
    # Text stays text, and the same figure gives the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "glimpse"}), warnings.catch_warnings():
        # The browser draws the text with its own fonts, so a glyph that matplotlib's font lacks does not matter.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", dpi=UNITS_PER_INCH, metadata=NO_METADATA)
    root = ElementTree.fromstring(buffer.getvalue())
    shapes = {f"#{shape.get('id')}": shape.get("d", "") for shape in root.iter(f"{SVG}path")}
    for parent in list(root.iter()):
        for definitions in parent.findall(f"{SVG}defs"):  # shapes, clip paths, and styles for the whole page
            parent.remove(definitions)
    for element in root.iter():
        _clean(element, shapes)
    width, height = figure.get_size_inches() * UNITS_PER_INCH
    root.attrib.clear()
    root.attrib |= {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": alt}
    root.set("style", f"max-width:{width:g}px")
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element, shapes: dict[str, str]) -> None:
    """Remove namespace, ids, references and fonts; add the tooltip; put the page's colours for the drawing's."""
    element.tag = element.tag.removeprefix(SVG)
    element.attrib.pop("clip-path", None)
    if shape := element.attrib.pop(HREF, ""):
        element.tag = "path"
        element.set("d", shapes[shape])
        element.set("transform", f"translate({element.attrib.pop('x')} {element.attrib.pop('y')})")
    group = element.attrib.pop("id", "")
    if group.startswith(TIP):
        tooltip = ElementTree.Element("title")
        tooltip.text = group.removeprefix(TIP)
        element.insert(0, tooltip)
    elif group == NOTE:
        element.set("class", NOTE)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if style := element.get("style"):
        style = re.sub(r"font-family: [^;]*(; )?", "", style)
        for colour, variable in PAGE_COLOURS.items():
            style = style.replace(colour, variable)
        element.set("style", style)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Limits of an axis; equal ends are separated."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)
