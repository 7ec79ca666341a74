"""`glimpse evaluate`: figures of a run or a bundle on one split of a dataset file."""

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
    decider: LoadedModel, dataset: DatasetFile, split: str, streaming: bool
) -> tuple[dict[str, Any], DecodedHops]:
    """The figures of an opened run or bundle, and every decoded hop behind them."""
    recordings = load_split(dataset, split, decider.ch_names)
    if not recordings:
        raise BadInput(f"{dataset.path}: files.{split} is empty; name a recording there or choose another --split")
    for recording in recordings:
        decider.check(recording, dataset, split)
    decoded = decider.decode(recordings, streaming)
    if not ((decoded.trial >= 0) & (decoded.since_onset_s >= decider.window_s[0])).any():
        raise BadInput(f"{dataset.path}: files.{split} has no decision inside window_s of any trial; check events")
    found = all_figures(decoded, decider.calibration, decider.window_s, decider.labels)
    found |= {"split": split, "streaming": streaming, "dataset": dataset.name, "path": str(decider.path)}
    found |= {"calibration_trials": decider.calibration.n_trials, "window_s": list(decider.window_s)}
    found |= {"causal": decider.causal, "network": decider.network}
    return found, decoded


def evaluate_seeds(
    paths: Sequence[Path], dataset: DatasetFile, split: str, streaming: bool
) -> tuple[dict[str, Any], DecodedHops]:
    """The figures of several runs that differ in their seed, as one, and every hop the first decoded."""
    deciders = [load_model(path) for path in paths]
    for decider in deciders[1:]:
        decider.check_seed_of(deciders[0])
    (first, decoded), *others = [evaluate_model(decider, dataset, split, streaming) for decider in deciders]
    if not others:
        return first, decoded
    seen = [(paths[0], decoded.inner)]
    for path, (_, other) in zip(paths[1:], others, strict=True):
        for same, inner in seen:
            if np.allclose(inner, other.inner, atol=1e-4):
                raise BadInput(
                    f"{path}: decides exactly as {same}, so it says nothing about seeds; give a run of another --seed"
                )
        seen.append((path, other.inner))
    return combine_seeds([first, *(found for found, _ in others)]), decoded
