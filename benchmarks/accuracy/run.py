"""Accuracy of Glimpse's networks and of the peers on recordings: same splits, same preprocessing, several seeds."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.fit import Outcome, configure_worker, fit_and_score, method_recipe
from benchmarks.accuracy.splits import Split, make_splits
from benchmarks.peers import classifiers as peers
from decoder.networks import NETWORKS
from realtime.command_line import shipped_folder
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.data.schema import DatasetFile
from training.runs.recipes import RECIPES

# Where --methods names none; the first is the recommended one.
OWN_METHODS = ("stacked", "gat_transformer", "matched_filter", "riemann", "eegnet")
TASKS = ("fists-feet", "left-right-fist", "ssvep", "n170", "p300", "left-right")

Tasks = dict[str, dict[str, dict[str, Any]]]  # task -> method -> figures


def run_accuracy(
    data: Sequence[Path],
    methods: Sequence[str],
    seeds: int,
    epochs: int,
    workers: int,
    cache_file: Path | None,
    say: Callable[[str], None],
) -> Tasks:
    """Figures of every method on every dataset file; without `methods`, all of Glimpse's main ones and every peer.

    Every finished fit is appended to `cache_file`. Fits found there are not repeated, except those that failed.
    """
    if min(seeds, epochs, workers) < 1:
        raise BadInput(f"--seeds {seeds}, --epochs {epochs}, --workers {workers}: each needs to be 1 or more")
    methods = methods or OWN_METHODS + peers.PEERS
    check_methods(methods)
    datasets = load_datasets(data or [shipped_folder("datasets") / f"{task}.yaml" for task in TASKS])
    fits = {
        _key(split, method, epochs): (split, method)
        for dataset in datasets
        for split in make_splits(dataset, seeds)
        for method in methods
    }
    done = _read_cache(cache_file, fits) if cache_file else {}
    if done:
        say(f"{len(done)} of {len(fits)} fits are taken from {cache_file}; remove it to measure them again")
    todo = {key: fit for key, fit in fits.items() if key not in done}
    for key, outcome in _fit_all(todo, epochs, workers):
        done[key] = outcome
        say(f"{len(done)}/{len(fits)} {outcome_line(outcome)}")
        if cache_file:
            with cache_file.open("a") as file:
                file.write(json.dumps({"key": key, **asdict(outcome)}) + "\n")
    return {
        dataset.name: {
            method: summarise_outcomes([o for o in done.values() if (o.task, o.method) == (dataset.name, method)])
            for method in methods
        }
        for dataset in datasets
    }


def check_methods(methods: Sequence[str]) -> None:
    """BadInput for a method that does not exist, and for peers whose libraries are not installed."""
    known = (*RECIPES, *NETWORKS, *peers.PEERS)
    for method in methods:
        if method not in known:
            raise BadInput(f"--methods: {method!r} is not known, one of {', '.join(known)} is needed")
    if set(methods) & set(peers.PEERS):
        peers.check_classifiers_installed()


def load_datasets(paths: Sequence[Path]) -> list[DatasetFile]:
    """The dataset files; BadInput where two have the same name."""
    datasets = [load_dataset(path) for path in paths]
    names = [dataset.name for dataset in datasets]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"--data: two dataset files are called {', '.join(repeated)}; give each a name of its own")
    return datasets


def _fit_all(todo: Mapping[str, tuple[Split, str]], epochs: int, workers: int) -> Iterator[tuple[str, Outcome]]:
    """Each fit by its key, as it finishes in one of `workers` processes of one thread each."""
    environment = dict(os.environ)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), configure_worker)
    try:
        # Read by the numeric libraries of the workers when they start: two workers of two threads each only wait.
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        futures = {pool.submit(fit_and_score, split, method, epochs): key for key, (split, method) in todo.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise OSError("a worker process was killed, perhaps out of memory; run again with fewer --workers") from error
    finally:
        pool.shutdown(cancel_futures=True)
        os.environ.clear()
        os.environ |= environment


def outcome_line(outcome: Outcome) -> str:
    """One finished fit as a line of text."""
    fit = f"{outcome.task} {outcome.method} seed {outcome.seed}"
    if outcome.score is None:
        return f"{fit}: {outcome.error}"
    half = "" if outcome.half_window is None else f" ({outcome.half_window:.3f} at half of the window)"
    return f"{fit}: {outcome.score:.3f}{half}, {outcome.train_s:.1f} s"


def summarise_outcomes(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of one method on one task over its seeds; `mean` is None where a seed failed, and `error` says why.

    `sd` is over seeds, with n - 1: None for a single one.
    """
    outcomes = sorted(outcomes, key=lambda outcome: outcome.seed)

    def mean(key: str) -> float | None:
        values = [getattr(outcome, key) for outcome in outcomes]
        return None if None in values else round(float(np.mean(values)), 4)

    scores = [outcome.score for outcome in outcomes if outcome.score is not None]
    complete = len(scores) == len(outcomes)
    metrics = {
        "metric": next((outcome.metric for outcome in outcomes if outcome.metric), None),
        "mean": mean("score"),
        "sd": round(float(np.std(scores, ddof=1)), 4) if complete and len(scores) > 1 else None,
        "half_window": mean("half_window"),
        "train_s": mean("train_s"),
        "ms_per_inference": mean("ms_per_inference"),
        "causal": outcomes[0].causal,
        "scores": [None if o.score is None else round(o.score, 4) for o in outcomes],
    }
    errors = list(dict.fromkeys(outcome.error for outcome in outcomes if outcome.error))
    return metrics | ({"error": "; ".join(errors)} if errors else {})


def _key(split: Split, method: str, epochs: int) -> str:
    """Identifies a fit by all of its settings, so that a cached one is used only for the same settings."""
    recipe = epochs if method in peers.PEERS else method_recipe(method)
    settings = (split, method, recipe, split.dataset.read_text(encoding="utf-8"))
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:16]


def _read_cache(cache_file: Path, fits: Mapping[str, object]) -> dict[str, Outcome]:
    if not cache_file.exists():
        return {}
    outcomes = {}
    for text in cache_file.read_text().splitlines():
        try:
            fields = json.loads(text)
            key = fields.pop("key")
            outcome = Outcome(**fields)
        except (ValueError, TypeError, KeyError):
            continue  # the line that was being written when the bench was stopped
        if key in fits and outcome.score is not None:
            outcomes[key] = outcome
    return outcomes
