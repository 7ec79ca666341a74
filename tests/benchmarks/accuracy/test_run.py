"""The accuracy bench on a toy: what its figures hold, and that nothing that fails is hidden."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import fit as accuracy_fit
from benchmarks.accuracy.fit import Outcome, fit_and_score, score
from benchmarks.accuracy.run import outcome_line, run_accuracy, summarise_outcomes
from benchmarks.accuracy.splits import make_splits
from benchmarks.accuracy.table import compare_with_peers
from benchmarks.peers import classifiers as peers
from glimpse import cli
from tests.benchmarks.peers.test_classifiers import needs_peers
from tests.helpers.rhythm_dataset import write_experiment
from training.data.dataset import load_dataset

KEYS = {"metric", "mean", "sd", "half_window", "train_s", "ms_per_inference", "causal"}


@needs_peers
def test_the_json_has_every_figure_of_every_method(tmp_path, capsys):
    """From the command line, in processes of their own, as it is run."""
    data, out = write_experiment(tmp_path), tmp_path / "out.json"
    words = ["--data", str(data), "--methods", "eegnet", "cov+ts+lr", "--seeds", "2", "--workers", "1"]
    before = dict(os.environ)
    assert cli.main(["bench", "accuracy", *words, "--no-zero-shot", "--json", str(out)]) == 0
    assert dict(os.environ) == before  # what comes after in this process keeps its threads
    found = json.loads(out.read_text())["tasks"]["rhythms"]
    assert set(found) == {"eegnet", "cov+ts+lr"}
    for figures in found.values():
        assert set(figures) >= KEYS
        assert figures["metric"] == "roc_auc"
        assert figures["mean"] == pytest.approx(np.mean(figures["scores"]), abs=1e-4)
        assert figures["sd"] is not None
        assert figures["train_s"] > 0
        assert figures["ms_per_inference"] > 0
    assert (found["eegnet"]["causal"], found["cov+ts+lr"]["causal"]) == (True, False)
    assert found["eegnet"]["mean"] > 0.8  # one rhythm is as loud as the other, which plain covariances cannot tell
    assert found["eegnet"]["half_window"] > 0.5
    assert found["cov+ts+lr"]["half_window"] is None
    assert [path.name for path in tmp_path.glob("*.jsonl")] == []
    told = capsys.readouterr().out
    assert "rhythms eegnet seed 0: " in told
    assert "the best single peer, cov+ts+lr" in told


def test_a_method_that_fails_is_reported_in_one_line_with_its_reason(tmp_path, monkeypatch):
    """A peer whose library raises, and one of ours that refuses what it is given; neither has a mean."""

    def break_down(*args):
        raise RuntimeError("Kernel size\ncannot be greater")

    monkeypatch.setattr(peers, "fit_classifier", break_down)
    split = make_splits(load_dataset(write_experiment(tmp_path)), 1)[0]
    broken, refused = fit_and_score(split, "Deep4Net", 1), fit_and_score(split, "fusion", 1)
    assert (broken.score, broken.error) == (None, "RuntimeError: Kernel size cannot be greater")
    assert outcome_line(broken) == "rhythms Deep4Net seed 0: RuntimeError: Kernel size cannot be greater"
    assert refused.score is None
    assert "fusion" in refused.error
    found = summarise_outcomes([broken, replace(outcome("Deep4Net", 0.9), seed=1)])
    assert (found["mean"], found["sd"], found["scores"]) == (None, None, [None, 0.9])
    told = compare_with_peers({"rhythms": {"Deep4Net": found, "eegnet": summarise_outcomes([outcome("eegnet", 0.8)])}})
    assert told[0] == "rhythms, Deep4Net: no score: RuntimeError: Kernel size cannot be greater"


def test_a_stopped_bench_resumes_and_repeats_what_was_measured_with_other_options(tmp_path, monkeypatch):
    data, kept, said = write_experiment(tmp_path), tmp_path / "fits.jsonl", []
    monkeypatch.setattr("benchmarks.accuracy.run.ProcessPoolExecutor", Inline)
    monkeypatch.setattr(
        "benchmarks.accuracy.run.fit_and_score", lambda split, method, epochs: outcome(method, 0.7, split.seed)
    )
    run_accuracy([data], ["eegnet", "shallow"], 1, 5, 1, kept, said.append)
    with kept.open("a") as file:
        file.write('{"key": "cut o')
    assert len(said) == 2
    run_accuracy([data], ["eegnet", "shallow"], 2, 5, 1, kept, said.append)
    assert said[2].startswith("2 of 4 fits are taken from ")
    assert len(said) == 5
    write_experiment(tmp_path, window_s=[0.0, 0.5])
    run_accuracy([data], ["eegnet"], 1, 5, 1, kept, said.append)
    assert len(said) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--methods", "eegnte"], "--methods: 'eegnte' is not known, one of "),
        (["--seeds", "0"], "--seeds: 0 found, "),
        (["--methods", "eegnet", "--json", "no-such-folder/out.json"], "there is no folder"),
    ],
)
def test_wrong_arguments_are_reported_in_one_line_before_any_work(words, said, tmp_path, capsys):
    assert cli.main(["bench", "accuracy", "--data", str(write_experiment(tmp_path)), "--no-zero-shot", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_missing_vectors_of_the_zero_shot_task_are_reported_first(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("GLIMPSE_DATA", raising=False)
    assert cli.main(["bench", "accuracy", "--data", str(write_experiment(tmp_path))]) == 2
    assert "GLIMPSE_DATA is not set" in capsys.readouterr().err


def test_two_tasks_of_one_name_are_refused(tmp_path, capsys):
    data = [str(write_experiment(tmp_path / folder)) for folder in "xy"]
    assert cli.main(["bench", "accuracy", "--methods", "eegnet", "--no-zero-shot", "--data", *data]) == 2
    assert "two dataset files are called rhythms" in capsys.readouterr().err


def test_the_score_is_auc_for_two_labels_and_balanced_accuracy_for_more():
    two = np.array([[0.0, 1.0], [0.5, 0.4], [1.0, 0.0], [0.9, 0.2]])
    assert score(two, np.array([1, 1, 0, 0])) == 1.0
    three = np.eye(3)[[0, 0, 0, 1, 0]]  # the rare labels weigh as much as the frequent one
    assert score(three, np.array([0, 0, 0, 1, 2])) == pytest.approx(2 / 3)


def test_a_trial_without_scores_is_wrong():
    silent = np.array([[np.nan, np.nan], [0.0, 1.0], [1.0, 0.0]])
    assert score(silent, np.array([1, 1, 0])) == 0.5
    assert score(np.array([[np.nan] * 3, [0, 1, 0]]), np.array([0, 1])) == 0.5


def test_own_methods_decode_the_held_out_recording_as_a_stream(tmp_path, monkeypatch):
    """The decoder is fed hop by hop, and with the held-out recording alone."""
    seen = []
    decode = accuracy_fit.decode_run

    def spy(run, recordings, streaming, *more):
        seen.append(([Path(recording.name).name for recording in recordings], streaming))
        return decode(run, recordings, streaming, *more)

    monkeypatch.setattr(accuracy_fit, "decode_run", spy)
    split = make_splits(load_dataset(write_experiment(tmp_path)), 1)[0]
    assert fit_and_score(split, "eegnet", 0).score > 0.8
    assert seen == [(["d.npz"], True)]


def test_comparison_reports_where_the_own_method_falls_short():
    tasks = {
        "won": {"eegnet": figures(0.9, 0.88), "EEGNet": figures(0.8), "TCN": figures(0.7)},
        "near": {"eegnet": figures(0.79, 0.6), "EEGNet": figures(0.7), "TCN": figures(0.8)},
        "lost": {"eegnet": figures(0.6, 0.6), "EEGNet": figures(0.9), "TCN": figures(0.5)},
    }
    average, won, near, lost = compare_with_peers(tasks)
    assert "eegnet reaches 0.763, the best single peer, EEGNet, 0.800; the best peer of each task" in average
    assert "won: eegnet 0.900, EEGNet 0.800: ahead by 0.100; half of the window gives 98%" in won
    assert "TCN 0.800: short by 0.010, within" in near
    assert "gives 76%, LESS than 90%" in near
    assert "FALLS SHORT by 0.300" in lost


def figures(mean: float, half: float | None = None) -> dict:
    return {"mean": mean, "sd": 0.02, "half_window": half}


def outcome(method: str, value: float, seed: int = 0) -> Outcome:
    return Outcome("rhythms", method, seed, "roc_auc", value, None, 1.0, 1.0, method not in peers.PEERS)


class Inline:
    """A pool that does the work at once, here."""

    def __init__(self, *args):
        pass

    def submit(self, call, *args):
        from concurrent.futures import Future

        future = Future()
        future.set_result(call(*args))
        return future

    def shutdown(self, cancel_futures):
        pass
