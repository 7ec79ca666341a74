"""`glimpse demo` as a person runs it."""

import json
import subprocess
import sys

import pytest

from serve.client.client import watch
from serve.client.score import Score


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """The JSON of a short demo run by the command line, which must exit 0."""
    out = tmp_path_factory.mktemp("demo") / "out.json"
    command = [sys.executable, "-m", "glimpse", "demo", "--seconds", "15", "--no-browser", "--port", "0", "--seed", "7"]
    done = subprocess.run([*command, "--json", str(out)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())


def test_the_demo_decides_every_hop_and_loses_nothing(figures):
    """25 decisions a second for 15 s, no gap."""
    assert figures["decisions"] >= 0.9 * 15 * 25
    assert figures["gaps"] == 0


def test_the_demo_names_what_is_shown_far_above_chance(figures):
    """The chance of half of the trials right by guessing among 48 labels is below one in a million."""
    assert figures["trials"] >= 8
    assert figures["top1"] >= 0.5
    assert figures["top5"] >= figures["top1"]
    assert figures["chance_top1"] == round(1 / 48, 4)


def test_the_demo_reports_the_agreed_keys(figures):
    assert {"decisions", "trials", "top1", "top5", "chance_top1", "gaps", "first_decision_s", "latency_ms"} <= set(
        figures
    )
    assert set(figures["latency_ms"]) == {"p50", "p99"}


def test_a_score_stays_as_small_after_ten_thousand_trials():
    score = Score()
    for n in range(10_000):
        score.take({"type": "trial", "trial": n, "label": "cat"})
        decision = {"t_lsl": 0.0, "latency_ms": {"age": 1.0}, "trial": n, "top": [{"label": "cat"}]}
        score.take({"type": "decision", **decision})
    assert (score.trials, score.share(1)) == (9_999, 1.0)
    assert len(score.over) + len(score._shown) + len(score._answers) + len(score.ranks) < 100


def test_a_proxy_of_the_environment_is_not_asked(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    assert next(watch(server, "s1", Score(), 0.0))["type"] == "hello"


def test_a_trial_counts_once_a_later_one_has_followed():
    """The newest trial's answer may still change, so it is not scored."""
    score = Score()
    for trial, (shown, named) in enumerate([("cat", "cat"), ("dog", "cat"), ("cow", "cow")]):
        score.take({"type": "trial", "trial": trial, "label": shown})
        decision = {"t_lsl": 0.0, "latency_ms": {}, "trial": trial, "top": [{"label": named}, {"label": "dog"}]}
        score.take({"type": "decision", **decision})
    assert [(trial.number, trial.rank) for trial in score.over] == [(0, 0), (1, 1)]
    assert (score.share(1), score.share(5)) == (0.5, 1.0)
