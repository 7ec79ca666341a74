"""One method trained on a split and scored on what it held out: ours by the product's own steps, peers by theirs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.accuracy.splits import Split
from benchmarks.peers import classifiers as peers
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.commands.train import TrainCommand, recipe_from_args
from training.data.dataset import load_split
from training.data.segments import preprocess_recording
from training.data.targets import read_targets
from training.data.windows import trial_windows
from training.evaluate.classification import auc
from training.evaluate.decode import DecodedHops, tracks_needed
from training.evaluate.loaded_model import decode_run
from training.evaluate.time_course import trial_answers
from training.fit.methods import TrainingJob
from training.fit.plan import plan_run
from training.fit.preparation import load_training_splits
from training.fit.train import train
from training.runs.recipe import Recipe
from training.runs.recipes import RECIPES
from training.runs.run import Run

N_TIMED = 50  # inferences; their median is told


@dataclass(frozen=True)
class Outcome:
    """What came of one fit; without a score, `error` says why."""

    task: str
    method: str
    seed: int
    metric: str = ""
    score: float | None = None
    half_window: float | None = None  # the same at half of the window; None where a method needs all of it
    train_s: float | None = None  # with reading and preprocessing
    ms_per_inference: float | None = None  # one hop of ours, one window of a peer
    causal: bool = False
    error: str = ""


def configure_worker() -> None:
    """One thread a process."""
    torch.set_num_threads(1)


def fit_and_score(split: Split, method: str, epochs: int) -> Outcome:
    """Train and score; whatever a method raises is its result."""
    try:
        return _fit_peer(split, method, epochs) if method in peers.PEERS else _fit_own(split, method)
    except Exception as error:
        reason = " ".join(str(error).split())
        kind = "" if isinstance(error, BadInput) else f"{type(error).__name__}: "
        return Outcome(split.task, method, split.seed, causal=method not in peers.PEERS, error=kind + reason)


def method_recipe(method: str) -> Recipe:
    """The recipe of that name, else what `glimpse train --network METHOD` takes."""
    return recipe_from_args(
        TrainCommand(Path(), Path(), method) if method in RECIPES else TrainCommand(Path(), Path(), network=method)
    )


def metric_of(n_labels: int) -> str:
    """ROC AUC for two labels, as is the convention of the field, balanced accuracy for more."""
    return "roc_auc" if n_labels == 2 else "balanced_accuracy"


def score(scores: np.ndarray, truth: np.ndarray) -> float:
    """The metric of trials' scores (n_trials, n_labels); a trial without an answer, NaN, counts as wrong."""
    shown = np.unique(truth)
    if scores.shape[1] == 2:
        if len(shown) < 2:
            raise BadInput("the held-out recording has trials of one label only, and ROC AUC needs both")
        return auc(scores[:, 1] - scores[:, 0], truth == 1)
    named = np.where(np.isnan(scores).any(axis=1), -1, scores.argmax(axis=1))
    return float(np.mean([(named[truth == label] == label).mean() for label in shown]))


def _fit_own(split: Split, method: str) -> Outcome:
    """As `glimpse train` trains it and as it would decode the held-out recording live, every trial to its end."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        began = time.perf_counter()
        recipe = replace(method_recipe(method), seed=split.seed)
        run = train(TrainingJob(split.load(), recipe, out))
        train_s = time.perf_counter() - began
        dataset, d = split.load(), run.description
        held_out = load_split(dataset, "test", d.ch_names)
        decoded = decode_run(run, held_out, run.streaming, tracks_needed(held_out, d.window_s[1]))
        begin, end = d.window_s
        whole, half = (_at(decoded, (begin, until)) for until in (end, (begin + end) / 2))
        network, _ = run.load_trained()
        columns = d.hop_samples if run.streaming else round((end - begin) * d.preprocess["sfreq"])
        signal = torch.randn(1, len(d.ch_names), columns)
        if run.streaming:
            onset = torch.zeros(1, 1)
            with torch.inference_mode():
                _, state = network(signal, None, onset)
            ms = _milliseconds(lambda: network(signal, state, onset))
        else:
            ms = _milliseconds(lambda: network(signal))
    return Outcome(
        split.task,
        method,
        split.seed,
        metric_of(len(d.labels)),
        score(*whole),
        score(*half) if run.streaming else None,
        train_s,
        ms,
        run.streaming,
    )


def _at(decoded: DecodedHops, window_s: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of every trial at its last decision inside the window, and the truth."""
    kept, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, window_s)
    scores = np.full((len(decoded.label), decoded.logits.shape[1]), np.nan)
    scores[kept] = decoded.logits[rows]
    known = decoded.label >= 0
    return scores[known], decoded.label[known]


def _fit_peer(split: Split, method: str, epochs: int) -> Outcome:
    began = time.perf_counter()
    dataset = split.load()
    recordings = load_training_splits(dataset)
    targets = read_targets(dataset)
    labels = targets.labels
    # The recipe only names the hop, which whole windows do not depend on: what decides is the dataset's preprocessing.
    run = Run(Path(), plan_run(dataset, Recipe(), recordings, targets))
    sfreq, window_s = run.preprocess.sfreq, dataset.window_s

    def windows(given: Sequence[Recording]) -> tuple[np.ndarray, np.ndarray]:
        front = run.make_frontend()
        segments = [s for recording in given for s in preprocess_recording(recording, front, labels) if s.signal.size]
        heard = [replace(s, signal=peers.peer_input(method, s.signal, sfreq)) for s in segments]
        return trial_windows(heard, sfreq, window_s)

    predict = peers.fit_classifier(method, *windows(recordings["train"]), len(labels), sfreq, split.seed, epochs)
    train_s = time.perf_counter() - began
    given, truth = windows(load_split(dataset, "test", run.description.ch_names))
    return Outcome(
        split.task,
        method,
        split.seed,
        metric_of(len(labels)),
        score(predict(given), truth),
        None,
        train_s,
        _milliseconds(lambda: predict(given[:1])),
    )


def _milliseconds(infer: Callable[[], object]) -> float:
    times = []
    with torch.inference_mode():
        for _ in range(N_TIMED):
            began = time.perf_counter()
            infer()
            times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3
