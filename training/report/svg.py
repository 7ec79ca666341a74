"""Charts as inline SVG; their colours are the page's, so they follow light, dark and print."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log2

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 44  # margins


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, its ends, and where its ticks stand."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False  # to base 2

    def place(self, value: float) -> float:
        """From 0 at the low end to 1 at the high end."""
        low, high, value = (log2(v) if self.log else v for v in (self.low, self.high, value))
        return (value - low) / (high - low) if high > low else 0.5


@dataclass(frozen=True)
class Chart:
    """A frame with two axes; its methods draw marks into it, `svg` puts them together."""

    alt: str  # what a reader who cannot see it should know
    x: Axis
    y: Axis

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point stands, in SVG units."""
        across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, xs: Sequence[float], ys: Sequence[float], kind: str = "line") -> str:
        """A line through the points."""
        return f'<polyline class="{kind}" points="{_points(self, xs, ys)}"/>'

    def band(self, xs: Sequence[float], ends: Sequence[Sequence[float]]) -> str:
        """The area between the low and the high end at each x."""
        lows, highs = [low for low, _ in ends], [high for _, high in ends]
        outline = f"{_points(self, xs, highs)} {_points(self, xs[::-1], lows[::-1])}"
        return f'<polygon class="band" points="{outline}"/>'

    def bars(self, ends: Sequence[tuple[float, float]], heights: Sequence[float], tips: Sequence[str]) -> str:
        """A bar over each stretch of x, from the foot of the chart; `tips` are shown on hover."""
        drawn = []
        for (low, high), height, tip in zip(ends, heights, tips, strict=True):
            (left, top), (right, foot) = self.at(low, height), self.at(high, self.y.low)
            shape = f'x="{left + 1}" y="{top}" width="{max(right - left - 2, 1):.1f}" height="{foot - top:.1f}"'
            drawn.append(f'<rect class="bar" {shape}><title>{escape(tip)}</title></rect>')
        return "".join(drawn)

    def dots(
        self, xs: Sequence[float], ys: Sequence[float], tips: Sequence[str], radii: Sequence[float] | None = None
    ) -> str:
        """A dot at each point; `tips` are shown on hover."""
        return "".join(
            f'<circle class="dot" cx="{cx}" cy="{cy}" r="{r:.2g}"><title>{escape(tip)}</title></circle>'
            for (cx, cy), tip, r in zip(map(self.at, xs, ys), tips, radii or [4.0] * len(xs), strict=True)
        )

    def note(self, x: float, y: float, text: str, above: bool = True, anchor: str = "middle") -> str:
        """Words beside a point."""
        cx, cy = self.at(x, y)
        return (
            f'<text class="note" x="{cx}" y="{cy + (-8 if above else 17)}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def level(self, y: float, text: str) -> str:
        """A dashed line across the chart, named at its right end."""
        across = self.line([self.x.low, self.x.high], [y, y], "reference")
        return across + self.note(self.x.high, y, text, above=self.y.place(y) < 0.12, anchor="end")

    def svg(self, *marks: str) -> str:
        """The chart."""
        parts = []
        for tick in self.y.ticks:
            cx, cy = self.at(self.x.low, tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{cy}" y2="{cy}"/>')
            parts.append(f'<text class="tick" x="{cx - 8}" y="{cy + 4}" text-anchor="end">{tick:g}</text>')
        for tick in self.x.ticks:
            cx, cy = self.at(tick, self.y.low)
            parts.append(f'<text class="tick" x="{cx}" y="{cy + 18}" text-anchor="middle">{tick:g}</text>')
        middle, foot = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6
        parts.append(f'<text class="axis" x="{middle}" y="{foot}" text-anchor="middle">{escape(self.x.label)}</text>')
        turned = f"rotate(-90) translate({-(TOP + HEIGHT - BOTTOM) / 2} 12)"
        parts.append(f'<text class="axis" transform="{turned}" text-anchor="middle">{escape(self.y.label)}</text>')
        return picture(self.alt, WIDTH, HEIGHT, "".join(parts) + "".join(marks))


def picture(alt: str, width: float, height: float, inside: str) -> str:
    """An SVG element with its alternative text."""
    box = f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(alt)}"'
    return f'<svg {box} style="max-width:{width:g}px">{inside}</svg>'


def ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, at most `most` of them."""
    step = 10.0**-3
    while (high - low) / step > most - 1:
        step *= 2.5 if f"{step:e}".startswith("2") else 2  # 1, 2, 5, 10, ...
    first = -int(-(low - 1e-9) // step)
    return tuple(round(i * step, 6) for i in range(first, int((high + 1e-9) // step) + 1))


def _points(chart: Chart, xs: Sequence[float], ys: Sequence[float]) -> str:
    return " ".join(f"{cx},{cy}" for cx, cy in map(chart.at, xs, ys))
