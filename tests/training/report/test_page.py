"""The page has every figure of the JSON, alternative text for every chart, no reference outside, escaped names."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from realtime.bundle.calibration import Calibration
from tests.helpers.decisions import growing_logits
from training.evaluate.figures import all_figures
from training.evaluate.seeds import combine_seeds
from training.report.page import report_page

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def figures_of(
    n_labels: int, split: str = "test", signal: float = 2.0, path: str = "runs/a", n_trials: int = 120
) -> dict:
    names = tuple(f"label {chr(65 + i % 26)}{i // 26}" for i in range(n_labels))
    found = all_figures(growing_logits(n_labels, signal, n_trials), Calibration(n_trials=16), (0.0, 1.0), names)
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
    values = list(leaves(json.loads(json.dumps(found))))
    assert len(values) > 100
    assert [value for value in values if not isinstance(value, str) and float(value) not in numbers] == []
    assert [value for value in values if isinstance(value, str) and value not in text] == []
    assert {1.5, 0.75, 1.25} <= numbers


@pytest.mark.parametrize("found", ONE + SEVERAL)
def test_the_page_refers_to_nothing_outside_itself(found):
    html = report_page(found, [[1.0, 0.5]])
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<iframe", html)
    assert "$" not in html


@pytest.mark.parametrize("found", ONE + SEVERAL)
def test_every_chart_has_alternative_text_and_every_mark_lies_inside_it(found):
    page = Page(report_page(found, [[1.0, 0.5, 0.6]]))
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) >= 5
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 20 for attrs in pictures)
    for tag, attrs in page.tags:
        if tag == "svg":
            width, height = (float(v) for v in attrs["viewbox"].split()[2:])
        if tag in ("text", "path"):
            moved = re.search(r"translate\(([\d.]+) ([\d.]+)\)", attrs.get("transform", ""))
            origin = [float(v) for v in moved.groups()] if moved else [0.0, 0.0]
            drawn = attrs["d"] if tag == "path" else f"{attrs.get('x', 0)} {attrs.get('y', 0)}"
            points = np.array(re.findall(r"-?[\d.]+", drawn), float).reshape(-1, 2) + origin
            margin = 8 if moved and tag == "path" else 1  # dots reach over the frame
            assert np.all((points >= -margin) & (points <= [width + margin, height + margin]))


def test_names_from_a_file_are_escaped():
    found = figures_of(3) | {"dataset": "<script>alert(1)</script>", "path": "a&b"}
    found["confusion"]["labels"] = ["<b>x</b>", "y", "z"]
    html = report_page(found)
    assert "<script" not in html
    assert "<b>" not in html
    assert "a&amp;b" in html


def test_the_page_names_the_network_before_any_figure():
    header = report_page(figures_of(3) | {"network": "ensemble (a × 1.5, b × 0)"}).split("</header>")[0]
    assert "Network: ensemble (a × 1.5, b × 0).<" in header


def test_seeds_of_one_network_name_it_once_and_stacks_with_other_weights_each():
    for one, other, sentence in (
        ("a", "a", "Network: a."),
        ("s (a × 1)", "s (a × 2)", "Network: s (a × 1); s (a × 2)."),
    ):
        runs = [figures_of(3, path=f"runs/{i}") | {"network": name} for i, name in enumerate((one, other))]
        assert f"{sentence}<" in report_page(combine_seeds(runs)).split("</header>")[0]


def test_the_dots_of_accuracy_since_onset_lie_where_the_figures_are():
    """Back from SVG units: a second is 492 wide, an accuracy of 1 is 242 high."""
    found = figures_of(6)
    section = report_page(found).split("Accuracy since onset")[1].split("</svg>")[0]
    dots = re.findall(r"<title>([\d.]+) s: ([\d.]+)</title>\s*<g>\s*<path[^>]*translate\(([\d.]+) ([\d.]+)\)", section)
    assert len(dots) == len(found["by_time"])
    for (since, accuracy, x, y), point in zip(dots, found["by_time"], strict=True):
        assert (float(x) - 52) / (560 - 52 - 16) == pytest.approx(point["since_onset_s"], abs=1e-3)
        assert 1 - (float(y) - 14) / (300 - 14 - 44) == pytest.approx(point["accuracy"], abs=1e-3)
        assert (float(since), float(accuracy)) == pytest.approx((point["since_onset_s"], point["accuracy"]), abs=1e-3)


def test_the_same_figures_give_the_same_page():
    assert report_page(ONE[1], [[1.0, 0.5]]) == report_page(ONE[1], [[1.0, 0.5]])


def test_a_bundle_has_no_training_loss_to_show():
    assert "Training loss" not in report_page(figures_of(2), [[]])
    assert "Training loss" in report_page(figures_of(2), [[1.0]])
