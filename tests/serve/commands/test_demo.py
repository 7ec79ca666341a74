"""`glimpse demo` as a person runs it."""

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """The JSON of a short demo run by the command line, which must exit 0."""
    out = tmp_path_factory.mktemp("demo") / "out.json"
    command = [sys.executable, "-m", "glimpse", "demo", "--seconds", "20", "--no-browser", "--port", "0", "--seed", "7"]
    done = subprocess.run([*command, "--json", str(out)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())


def test_the_demo_decides_every_hop_and_loses_nothing(figures):
    """25 decisions a second for 20 s, no gap; on a busy machine the last of them may still be on their way."""
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
    assert set(figures["latency_ms"]) == set(figures["startup"]["latency_ms"]) == {"p50", "p99"}


def test_the_latency_of_the_demo_leaves_out_start_up(figures):
    """The samples of the first half second wait until the rate of the stream is known."""
    assert figures["startup"]["latency_ms"]["p99"] > 200
    assert 0 < figures["startup"]["decisions"] < 0.1 * figures["decisions"]
    assert figures["latency_ms"]["p50"] < figures["startup"]["latency_ms"]["p99"]
