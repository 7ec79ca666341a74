"""The page: every figure of the JSON, words for every picture, whole in itself, every name escaped."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from tests.training.evaluate.test_figures import decided
from training.evaluate.figures import all_figures
from training.evaluate.seeds import combine_seeds
from training.report.page import limits, report_page

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def figures_of(
    n_labels: int, split: str = "test", signal: float = 2.0, path: str = "runs/a", n_trials: int = 120
) -> dict:
    names = tuple(f"label {chr(65 + i % 26)}{i // 26}" for i in range(n_labels))
    found = all_figures(decided(n_labels, signal, n_trials), Calibration(n_trials=16), (0.0, 1.0), names)
    same = {
        "split": split,
        "streaming": True,
        "dataset": "made up",
        "window_s": [0.0, 1.0],
        "calibration_trials": 16,
        "causal": True,
        "network": "shallow",
    }
    return found | same | {"path": path}


class Page(HTMLParser):
    """Text, tags and attributes of a page; a tag left open or closed twice fails."""

    VOID = ("meta", "rect", "circle", "line", "polyline", "polygon", "br")

    def __init__(self, html: str):
        super().__init__()
        self.text, self.tags, self.open = [], [], []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag in ("meta", "br"):
            self.open.pop()

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style",):
            self.text.append(data)


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield value


ONE = [figures_of(2), figures_of(6, "valid"), figures_of(30, "train"), figures_of(3, signal=0.0)]
SEVERAL = [combine_seeds([figures_of(n, signal=s, path=f"runs/{s}") for s in (1.0, 3.0)]) for n in (2, 30)]


@pytest.mark.parametrize("found", ONE + SEVERAL)
def test_every_figure_of_the_json_is_on_the_page(found):
    page = Page(report_page(found, [[1.5, 0.75], [1.25]]))
    text = " ".join(page.text)
    numbers = {float(number) for number in NUMBER.findall(text)}
    told = list(leaves(json.loads(json.dumps(found))))
    assert len(told) > 100
    assert [value for value in told if not isinstance(value, str) and float(value) not in numbers] == []
    assert [value for value in told if isinstance(value, str) and value not in text] == []
    assert {1.5, 0.75, 1.25} <= numbers


@pytest.mark.parametrize("found", ONE + SEVERAL)
def test_the_page_is_whole_in_itself(found):
    html = report_page(found, [[1.0, 0.5]])
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<iframe", html)
    assert "$" not in html


@pytest.mark.parametrize("found", ONE + SEVERAL)
def test_every_picture_has_words_and_every_mark_stands_inside_it(found):
    page = Page(report_page(found, [[1.0, 0.5, 0.6]]))
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) >= 5
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 20 for attrs in pictures)
    width = max(float(attrs["viewbox"].split()[2]) for attrs in pictures)
    for tag, attrs in page.tags:
        points = re.findall(r"-?[\d.]+", attrs.get("points", "")) if tag in ("polyline", "polygon") else []
        numbers = [float(v) for v in points + [attrs[k] for k in ("cx", "cy", "x", "y", "width") if k in attrs]]
        assert all(np.isfinite(v) and 0 <= v <= max(width, 1200) for v in numbers)


def test_names_from_a_file_are_words_and_nothing_else():
    found = figures_of(3) | {"dataset": "<script>alert(1)</script>", "path": "a&b"}
    found["confusion"]["labels"] = ["<b>x</b>", "y", "z"]
    html = report_page(found)
    assert "<script" not in html
    assert "<b>" not in html
    assert "a&amp;b" in html


def test_the_page_names_the_network_before_any_figure():
    header = report_page(figures_of(3) | {"network": "ensemble (a × 1.5, b × 0)"}).split("</header>")[0]
    assert "Network: ensemble (a × 1.5, b × 0).<" in header


def test_seeds_of_one_network_name_it_once_and_stacks_that_weigh_otherwise_each():
    for one, other, told in (("a", "a", "Network: a."), ("s (a × 1)", "s (a × 2)", "Network: s (a × 1); s (a × 2).")):
        runs = [figures_of(3, path=f"runs/{i}") | {"network": name} for i, name in enumerate((one, other))]
        assert f"{told}<" in report_page(combine_seeds(runs)).split("</header>")[0]


def test_the_curve_is_drawn_where_the_figures_are():
    """The dots of accuracy since onset, back from SVG units: a second wide, 0 to 1 high."""
    found = figures_of(6)
    section = report_page(found).split("Accuracy since onset")[1].split("</svg>")[0]
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle class="dot" cx="([\d.]+)" cy="([\d.]+)"', section)]
    assert len(dots) == len(found["by_time"])
    for (x, y), point in zip(dots, found["by_time"], strict=True):
        assert (x - 52) / (560 - 52 - 16) == pytest.approx(point["since_onset_s"], abs=1e-3)
        assert 1 - (y - 14) / (300 - 14 - 44) == pytest.approx(point["accuracy"], abs=1e-3)


def test_the_limits_say_what_calibrated_the_confidence_and_what_the_split_is():
    assert "calibrated on 16 trials of the split valid. No test recording takes part" in limits(figures_of(2, "test"))
    assert "This is that split" in limits(figures_of(2, "valid"))
    assert "recordings it was trained on" in limits(figures_of(2, "train"))
    assert "no validation trials were there" in limits(figures_of(2) | {"calibration_trials": 0})


def test_a_bundle_has_no_training_loss_to_show():
    assert "Training loss" not in report_page(figures_of(2), [[]])
    assert "Training loss" in report_page(figures_of(2), [[1.0]])
