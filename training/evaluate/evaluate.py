"""Figures of a run or a bundle on one split of a dataset file; of several runs, also over seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realtime.errors import BadInput
from training.data.dataset import load_split
from training.data.schema import DatasetFile
from training.evaluate.decode import DecodedHops
from training.evaluate.figures import all_figures
from training.evaluate.loaded_model import LoadedModel, load_model
from training.evaluate.seeds import combine_seeds


def evaluate(path: Path, dataset: DatasetFile, split: str, streaming: bool) -> tuple[dict[str, Any], DecodedHops]:
    """The figures of the run or bundle at `path`, and every decoded hop behind them."""
    return evaluate_model(load_model(path), dataset, split, streaming)


def evaluate_model(
    model: LoadedModel, dataset: DatasetFile, split: str, streaming: bool
) -> tuple[dict[str, Any], DecodedHops]:
    """The figures of a loaded run or bundle, and every decoded hop behind them.

    Raises BadInput where the split is empty, a recording does not fit the model, or no trial has a decision.
    """
    recordings = load_split(dataset, split, model.ch_names)
    if not recordings:
        if dataset.shows_pictures:
            raise BadInput(f"{dataset.path}: no trial is in split {split}; change splits or choose another --split")
        raise BadInput(f"{dataset.path}: files.{split} is empty; name a recording there or choose another --split")
    for recording in recordings:
        model.check(recording, dataset, split)
    decoded = model.decode(recordings, streaming)
    if not ((decoded.trial >= 0) & (decoded.since_onset_s >= model.window_s[0])).any():
        raise BadInput(f"{dataset.path}: files.{split} has no decision inside window_s of any trial; check events")
    metrics = all_figures(decoded, model.calibration, model.window_s, model.labels)
    metrics |= {"split": split, "streaming": streaming, "dataset": dataset.name, "path": str(model.path)}
    metrics |= {"calibration_trials": model.calibration.n_trials, "window_s": list(model.window_s)}
    metrics |= {"causal": model.causal, "network": model.network}
    return metrics, decoded


def evaluate_seeds(
    paths: Sequence[Path], dataset: DatasetFile, split: str, streaming: bool
) -> tuple[dict[str, Any], DecodedHops]:
    """The figures of several runs that differ in their seed, as one, and every hop that the first decoded.

    Raises BadInput where runs differ in more than their seed, or two of them decide exactly alike.
    """
    models = [load_model(path) for path in paths]
    for model in models[1:]:
        model.check_seed_of(models[0])
    results = [evaluate_model(model, dataset, split, streaming) for model in models]
    first, decoded = results[0]
    if len(results) == 1:
        return first, decoded
    for i, (_, later) in enumerate(results):
        for j, (_, earlier) in enumerate(results[:i]):
            if np.allclose(earlier.logits, later.logits, atol=1e-4):
                raise BadInput(
                    f"{paths[i]}: decides exactly as {paths[j]}, so it says nothing about seeds; give a run of another "
                    "--seed"
                )
    return combine_seeds([metrics for metrics, _ in results]), decoded
