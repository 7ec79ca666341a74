"""One method trained on a split and scored on its held-out recordings: Glimpse's by its own steps, peers by theirs."""

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
from training.data.segments import preprocess_recording, trial_windows
from training.data.targets import read_targets
from training.evaluate.classification import auc
from training.evaluate.decode import DecodedHops, tracks_needed
from training.evaluate.loaded_model import decode_run
from training.evaluate.time_course import trial_answers
from training.fit.fit_method import TrainingJob
from training.fit.plan import plan_run
from training.fit.preparation import load_training_splits
from training.fit.train import train
from training.runs.recipe import Recipe
from training.runs.recipes import RECIPES
from training.runs.run import Run

N_TIMED = 50  # inferences, of which the median is reported


@dataclass(frozen=True)
class Outcome:
    """Result of one fit; without a score, `error` is the reason."""

    task: str
    method: str
    seed: int
    metric: str = ""
    score: float | None = None
    half_window: float | None = None  # score at half of the window; None where a method needs all of it
    train_s: float | None = None  # including reading and preprocessing
    ms_per_inference: float | None = None  # one hop of Glimpse, one window of a peer
    causal: bool = False
    error: str = ""


def configure_worker() -> None:
    """Limit torch to one thread in each worker process."""
    torch.set_num_threads(1)


def fit_and_score(split: Split, method: str, epochs: int) -> Outcome:
    """Train and score; an exception of a method becomes the `error` of its result."""
    try:
        return _fit_peer(split, method, epochs) if method in peers.PEERS else _fit_own(split, method)
    except Exception as error:
        reason = " ".join(str(error).split())
        prefix = "" if isinstance(error, BadInput) else f"{type(error).__name__}: "
        return Outcome(split.task, method, split.seed, causal=method not in peers.PEERS, error=prefix + reason)


def method_recipe(method: str) -> Recipe:
    """The recipe of that name, else the recipe of `glimpse train --network METHOD`."""
    return recipe_from_args(
        TrainCommand(Path(), Path(), method) if method in RECIPES else TrainCommand(Path(), Path(), network=method)
    )


def metric_of(n_labels: int) -> str:
    """ROC AUC for two labels, the convention of the field, balanced accuracy for more."""
    return "roc_auc" if n_labels == 2 else "balanced_accuracy"


def score(scores: np.ndarray, truth: np.ndarray) -> float:
    """The metric of trials' scores (n_trials, n_labels); a trial without scores, NaN, is wrong."""
    shown = np.unique(truth)
    if scores.shape[1] == 2:
        if len(shown) < 2:
            raise BadInput("the held-out recording has trials of one label only, and ROC AUC needs both")
        return auc(scores[:, 1] - scores[:, 0], truth == 1)
    predicted = np.where(np.isnan(scores).any(axis=1), -1, scores.argmax(axis=1))
    return float(np.mean([(predicted[truth == label] == label).mean() for label in shown]))


def _fit_own(split: Split, method: str) -> Outcome:
    """Trained as by `glimpse train`; the held-out recordings are decoded as live, every trial to its end."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        began = time.perf_counter()
        recipe = replace(method_recipe(method), seed=split.seed)
        run = train(TrainingJob(split.load(), recipe, out))
        train_s = time.perf_counter() - began
        description = run.description
        held_out = load_split(split.load(), "test", description.ch_names)
        begin, end = description.window_s
        decoded = decode_run(run, held_out, run.streaming, tracks_needed(held_out, end))
        whole, half = (_scores_at(decoded, (begin, until)) for until in (end, (begin + end) / 2))
        ms = _inference_ms(run)
    return Outcome(
        split.task,
        method,
        split.seed,
        metric_of(len(description.labels)),
        score(*whole),
        score(*half) if run.streaming else None,
        train_s,
        ms,
        run.streaming,
    )


def _inference_ms(run: Run) -> float:
    """Milliseconds of one hop, or of one window where the network takes whole windows."""
    network, _ = run.load_trained()
    description = run.description
    n_channels, (begin, end) = len(description.ch_names), description.window_s
    if not run.streaming:
        window = torch.randn(1, n_channels, round((end - begin) * description.preprocess["sfreq"]))
        return _milliseconds(lambda: network(window))
    hop, onset = torch.randn(1, n_channels, description.hop_samples), torch.zeros(1, 1)
    with torch.inference_mode():
        _, state = network(hop, None, onset)
    return _milliseconds(lambda: network(hop, state, onset))


def _scores_at(decoded: DecodedHops, window_s: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of every trial at its last decision inside the window, and the true labels."""
    decided, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, window_s)
    scores = np.full((len(decoded.label), decoded.logits.shape[1]), np.nan)
    scores[decided] = decoded.logits[rows]
    labelled = decoded.label >= 0
    return scores[labelled], decoded.label[labelled]


def _fit_peer(split: Split, method: str, epochs: int) -> Outcome:
    began = time.perf_counter()
    dataset = split.load()
    recordings = load_training_splits(dataset)
    targets = read_targets(dataset)
    labels = targets.labels
    # Only the dataset's preprocessing matters: whole windows do not depend on the recipe's hop.
    run = Run(Path(), plan_run(dataset, Recipe(), recordings, targets))
    sfreq, window_s = run.preprocess.sfreq, dataset.window_s

    def cut_windows(used: Sequence[Recording]) -> tuple[np.ndarray, np.ndarray]:
        front = run.make_frontend()
        segments = [s for recording in used for s in preprocess_recording(recording, front, labels) if s.signal.size]
        filtered = [replace(s, signal=peers.peer_input(method, s.signal, sfreq)) for s in segments]
        return trial_windows(filtered, sfreq, window_s)

    predict = peers.fit_classifier(method, *cut_windows(recordings["train"]), len(labels), sfreq, split.seed, epochs)
    train_s = time.perf_counter() - began
    windows, truth = cut_windows(load_split(dataset, "test", run.description.ch_names))
    return Outcome(
        split.task,
        method,
        split.seed,
        metric_of(len(labels)),
        score(predict(windows), truth),
        None,
        train_s,
        _milliseconds(lambda: predict(windows[:1])),
    )


def _milliseconds(infer: Callable[[], object]) -> float:
    times = []
    with torch.inference_mode():
        for _ in range(N_TIMED):
            began = time.perf_counter()
            infer()
            times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3
