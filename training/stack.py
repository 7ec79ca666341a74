"""Several kinds of network as one, each weighed by how well it did on a recording that none had learned from.

Wolpert, Neural Networks, 1992.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from realtime.errors import BadInput
from realtime.evidence import softmax
from training.calibration import calibrate
from training.dataset import load_split, paths
from training.dataset_schema import DatasetFile
from training.decode import Decoded, decode, overlap, torch_encoder
from training.ensemble import join
from training.over_time import last_hops
from training.recipe import Recipe
from training.run import Run

# Of a normal prior on the weight of a member whose answers have unit variance: a dozen trials cannot vouch for more.
PRIOR_SD = 2.0
HELD_OUT = "held-out"

Train = Callable[[DatasetFile, Recipe, Path], Run]


def train_stack(dataset: DatasetFile, recipe: Recipe, out: Path, train: Train, say: Callable[[str], None]) -> Run:
    """Train every member of the recipe, weigh them, and leave one run of all in `out`; each is a run in `out`/NAME.

    The weights come from members trained without the last recording of `train`, on that recording; then every member is
    trained again on all of them. BadInput where there is only one recording.
    """
    files = dataset.files.train if dataset.simulate else tuple(str(path.resolve()) for path in paths(dataset, "train"))
    if len(files) < 2:
        raise BadInput(
            f"{dataset.path}: files.train has 1 recording, and a stack weighs its members on one left out, so it needs "
            "2 or more; name another or train one network"
        )
    split = {"train": files[:-1], "valid": files[-1:], "test": ()}
    without = dataset.model_copy(update={"files": dataset.files.model_copy(update=split)})
    tried = [train(without, only(recipe, name), out / HELD_OUT / name) for name in recipe.members]
    weights = weigh([answers(run, without) for run in tried])
    say("weights on the recording left out: " + told(recipe, weights))
    runs = [train(dataset, only(recipe, name), out / name) for name in recipe.members]
    scale = [weight * len(weights) for weight in weights]  # the ensemble takes the mean
    run = join(runs, out, scale)
    recordings = load_split(dataset, "valid", run.description.ch_names)
    fitted = asdict(calibrate(run, recordings))
    run.description = replace(run.description, recipe=asdict(recipe), calibration=fitted)
    run.save()
    return run


def only(recipe: Recipe, name: str) -> Recipe:
    """The recipe of one member; options are those of the recipe's own network."""
    return replace(recipe, network=name, members=(), options=recipe.options if name == recipe.network else {})


def told(recipe: Recipe, weights: Sequence[float]) -> str:
    """Names and weights, for people."""
    return ", ".join(f"{name} {weight:.2f}" for name, weight in zip(recipe.members, weights, strict=True))


def answers(run: Run, dataset: DatasetFile) -> tuple[np.ndarray, np.ndarray]:
    """Inner products at the end of each trial of the recording left out (n_trials, n_labels), and its labels."""
    network, bank = run.trained()
    recordings, window_s = load_split(dataset, "valid", run.description.ch_names), run.description.window_s
    decoded: Decoded = decode(
        recordings, run.front(), bank, torch_encoder(network, False), tracks=overlap(recordings, window_s[1])
    )
    inside = (decoded.since_onset_s >= window_s[0]) & (decoded.since_onset_s <= window_s[1])
    rows = last_hops(np.where(inside, decoded.trial, -1), len(decoded.label))
    kept = (rows >= 0) & (decoded.label >= 0)
    return decoded.inner[rows[kept]].astype(float), decoded.label[kept]


def weigh(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """Weights, none negative, of the members' inner products that make the true labels most likely."""
    labels = found[0][1]
    centred = [inner - inner.mean(axis=1, keepdims=True) for inner, _ in found]
    spread = [float(one.std()) or 1.0 for one in centred]
    inner_MNK = np.stack([one / sd for one, sd in zip(centred, spread, strict=True)])

    def loss(weight_M: np.ndarray) -> float:
        p = softmax(np.tensordot(weight_M, inner_MNK, axes=1))
        likely = np.log(p[np.arange(len(labels)), labels] + 1e-12).sum()
        return float(-likely + np.square(weight_M).sum() / (2 * PRIOR_SD**2))

    best = minimize(loss, np.full(len(found), 0.5), bounds=[(0.0, None)] * len(found)).x
    return [float(weight / sd) for weight, sd in zip(best, spread, strict=True)]
