"""Axes in the style of the page, and marks with tooltips on them.

Lengths are SVG units; see `inline_svg`.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from training.report.inline_svg import ACCENT, CARD, LINE, MUTED, NOTE, TIP, UNITS_PER_INCH

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 44  # margins
MAX_TICKS = 6


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


def _widened(low: float, high: float) -> tuple[float, float]:
    """Limits of an axis; equal ends are separated."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)
