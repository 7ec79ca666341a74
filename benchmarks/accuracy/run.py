"""Our networks beside their peers on recordings, in one run: same splits, same preprocessing, several seeds."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.fit import Outcome, configure_worker, fit, recipe_of
from benchmarks.accuracy.splits import Split, splits_of
from benchmarks.peers import classifiers as peers
from decoder.networks import NETWORKS
from realtime.command_line import shipped_folder
from realtime.errors import BadInput
from training.data.dataset import load_dataset
from training.runs.recipes import RECIPES

# Where --methods names none; the first is the one to use.
OURS = ("stacked", "gat_transformer", "matched_filter", "riemann", "eegnet")
TASKS = ("fists-feet", "left-right-fist", "ssvep", "n170", "p300", "left-right")

Tasks = dict[str, dict[str, dict[str, Any]]]  # task -> method -> figures


def run_accuracy(
    data: Sequence[Path],
    methods: Sequence[str],
    seeds: int,
    epochs: int,
    workers: int,
    kept: Path | None,
    say: Callable[[str], None],
) -> Tasks:
    """Figures of every method on every dataset file; without any named, all of ours.

    Every finished fit is appended to `kept`, and those found there are not done again; a failed one is.
    """
    if min(seeds, epochs, workers) < 1:
        raise BadInput(f"--seeds {seeds}, --epochs {epochs}, --workers {workers}: each needs to be 1 or more")
    methods = methods or OURS + peers.PEERS
    for method in methods:
        if method not in (known := (*RECIPES, *NETWORKS, *peers.PEERS)):
            raise BadInput(f"--methods: {method!r} is not known, one of {', '.join(known)} is needed")
    if set(methods) & set(peers.PEERS):
        peers.check_installed()
    datasets = [load_dataset(path) for path in data or [shipped_folder("datasets") / f"{task}.yaml" for task in TASKS]]
    names = [dataset.name for dataset in datasets]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInput(f"--data: two dataset files are called {', '.join(twice)}; give each a name of its own")
    asked_for = [(split, method) for dataset in datasets for split in splits_of(dataset, seeds) for method in methods]
    keys = {_key(split, method, epochs): (split, method) for split, method in asked_for}
    done = _read(kept, keys) if kept else {}
    if done:
        say(f"{len(done)} of {len(keys)} fits are taken from {kept}; remove it to measure them again")
    todo = {key: value for key, value in keys.items() if key not in done}
    before, pool = (
        dict(os.environ),
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), configure_worker),
    )
    try:
        # Read by the numeric libraries of the workers when they start: two workers of two threads each only wait.
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        futures = {pool.submit(fit, split, method, epochs): key for key, (split, method) in todo.items()}
        for future in as_completed(futures):
            outcome = done[futures[future]] = future.result()
            say(f"{len(done)}/{len(keys)} {line(outcome)}")
            if kept:
                with kept.open("a") as file:
                    file.write(json.dumps({"key": futures[future], **asdict(outcome)}) + "\n")
    except BrokenProcessPool as error:
        raise OSError("a worker ended without a word, as for want of memory; run again with fewer --workers") from error
    finally:
        pool.shutdown(cancel_futures=True)
        os.environ.clear()
        os.environ |= before
    return {
        name: {
            method: summary([o for o in done.values() if (o.task, o.method) == (name, method)]) for method in methods
        }
        for name in names
    }


def line(outcome: Outcome) -> str:
    """One finished fit in words."""
    what = f"{outcome.task} {outcome.method} seed {outcome.seed}"
    if outcome.score is None:
        return f"{what}: {outcome.error}"
    half = "" if outcome.half_window is None else f" ({outcome.half_window:.3f} at half of the window)"
    return f"{what}: {outcome.score:.3f}{half}, {outcome.train_s:.1f} s"


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Figures of one method on one task over its seeds; `mean` is None where a seed failed, and `error` says why.

    `sd` is over seeds, with n - 1: None for a single one.
    """
    outcomes = sorted(outcomes, key=lambda outcome: outcome.seed)

    def mean(key: str) -> float | None:
        values = [getattr(outcome, key) for outcome in outcomes]
        return None if None in values else round(float(np.mean(values)), 4)

    scores = [outcome.score for outcome in outcomes if outcome.score is not None]
    whole = len(scores) == len(outcomes)
    found = {
        "metric": next((outcome.metric for outcome in outcomes if outcome.metric), None),
        "mean": mean("score"),
        "sd": round(float(np.std(scores, ddof=1)), 4) if whole and len(scores) > 1 else None,
        "half_window": mean("half_window"),
        "train_s": mean("train_s"),
        "ms_per_inference": mean("ms_per_inference"),
        "causal": outcomes[0].causal,
        "scores": [None if o.score is None else round(o.score, 4) for o in outcomes],
    }
    errors = list(dict.fromkeys(outcome.error for outcome in outcomes if outcome.error))
    return found | ({"error": "; ".join(errors)} if errors else {})


def _key(split: Split, method: str, epochs: int) -> str:
    """What is asked for, to the last setting: a fit is only gone on with where this is the same."""
    recipe = epochs if method in peers.PEERS else recipe_of(method)
    whole = (split, method, recipe, split.dataset.read_text(encoding="utf-8"))
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:16]


def _read(kept: Path, keys: dict[str, Any]) -> dict[str, Outcome]:
    if not kept.exists():
        return {}
    found = {}
    for text in kept.read_text().splitlines():
        try:
            fields = json.loads(text)
            key = fields.pop("key")
            outcome = Outcome(**fields)
        except (ValueError, TypeError, KeyError):
            continue  # the line that was being written when the bench was stopped
        if key in keys and outcome.score is not None:
            found[key] = outcome
    return found
