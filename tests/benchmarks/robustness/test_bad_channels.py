"""Confidence on bad data: the corruption is what the rows say, and every table has its figures."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.commands.bench import main
from benchmarks.robustness import bad_channels as bench


def decision(label: str, p: float) -> SimpleNamespace:
    return SimpleNamespace(top=[SimpleNamespace(label=label, p=p)], trial=0)


@pytest.mark.parametrize(("corruption", "is_bad"), [("flat", lambda x: x == 0), ("NaN", np.isnan)])
def test_more_corrupted_channels_include_those_of_fewer(corruption, is_bad):
    samples = np.ones((10, 8))
    few, many = (is_bad(bench.corrupt(samples, corruption, n)).all(axis=0) for n in (2, 5))
    assert (few.sum(), many.sum()) == (2, 5)
    assert many[few].all()
    assert (samples == 1).all()


def test_calibration_error_is_the_distance_of_confidence_from_accuracy():
    decisions = [decision("house", 0.75), decision("face", 0.75)]
    figures = bench.decision_figures(decisions, ["house"])
    assert figures == {"decisions": 2, "accuracy": 0.5, "confidence": 0.75, "calibration_error": 0.25}
    assert bench.decision_figures([], [])["accuracy"] is None


def test_the_command_prints_three_tables_and_writes_their_rows(tmp_path, monkeypatch, capsys):
    for name, value in {"N_CHANNELS": (0, 48), "CORRUPTIONS": ("noise",), "SET_SIZES": (2,), "N_SETS": 1}.items():
        monkeypatch.setattr(bench, name, value)
    out = tmp_path / "figures.json"
    assert main(["bad-channels", "--minutes", "0.5", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    rows = {(row["n_channels"], row["repaired"]): row for row in figures["corrupted"]}
    assert rows[0, True]["accuracy"] >= rows[48, False]["accuracy"]
    assert rows[0, True]["confidence"] > rows[48, True]["confidence"]
    assert [(row["flag"], row["value"]) for row in figures["flags"]][:2] == [("gap", True), ("gap", False)]
    assert set(figures["flat_sets"][0]) == {"n_channels", "accuracy", "own_costs", "equal_costs"}
    assert capsys.readouterr().out.count("┏") == 3
