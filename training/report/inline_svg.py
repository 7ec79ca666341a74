"""Matplotlib figures as inline SVG in the colours of the page.

One SVG unit is one point: figures have 72 dots per inch.
"""

import re
import warnings
from io import StringIO
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

UNITS_PER_INCH = 72

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
