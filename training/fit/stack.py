"""Several kinds of network as one, each weighed by how well it did on recordings that it had not learned from.

Wolpert, Neural Networks, 1992.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from decoder.networks import NETWORKS
from realtime.errors import BadInput
from training.calibration.confidence import fit_confidence
from training.data.dataset import load_split
from training.data.schema import DatasetFile
from training.data.split_files import split_files
from training.evaluate.decode import tracks_needed
from training.evaluate.loaded_model import decode_run
from training.evaluate.time_course import trial_answers
from training.runs.ensemble import join_runs
from training.runs.recipe import Recipe
from training.runs.run import DESCRIPTION, Run

# Of a normal prior on the weight of a member whose answers have unit variance: a dozen trials cannot vouch for more.
PRIOR_SD = 2.0
ENTRY_NATS = 3.0  # by which a further member must make the left-out trials more likely: e^3, 20 to 1
MOST_LEFT_OUT = 2  # recordings; each costs another training of every member

Train = Callable[[DatasetFile, Recipe, Path], Run]


def train_stack(dataset: DatasetFile, recipe: Recipe, out: Path, train: Train, say: Callable[[str], None]) -> Run:
    """Train every member of the recipe, weigh them, and leave one run of all in `out`; each is a run in `out`/NAME.

    The weights come from members trained without one recording of `train`, on that recording, for each of the last
    two; then every member is trained again on all of them. BadInput where there is only one recording, for members
    that cannot be stacked, and where `out` holds another run.
    """
    check_stackable(recipe, out)
    files = (
        dataset.files.train
        if dataset.simulate
        else tuple(str(path.resolve()) for path in split_files(dataset, "train"))
    )
    if len(files) < 2:
        raise BadInput(
            f"{dataset.path}: files.train has 1 recording, and a stack weighs its members on one left out, so it needs "
            "2 or more; name another or train one network"
        )
    found = []
    for i, left_out in enumerate(files[-MOST_LEFT_OUT:]):
        rest = tuple(file for file in files if file != left_out)
        split = {"train": rest, "valid": (left_out,), "test": ()}
        without = dataset.model_copy(update={"files": dataset.files.model_copy(update=split)})
        say(f"without {left_out}, on which the members are weighed then:")
        try:
            runs = [train(without, member_recipe(recipe, name), out / f"without-{i}" / name) for name in recipe.members]
        except BadInput as error:  # such as a label that this recording alone has
            raise BadInput(f"without {left_out}, on which a stack weighs its members: {error}") from error
        found.append([held_out_logits(run, without) for run in runs])
    inner = [np.concatenate([fold[m][0] for fold in found]) for m in range(len(recipe.members))]
    weights = stacking_weights(inner, np.concatenate([fold[0][1] for fold in found]))
    say(f"weights, from {len(found)} recordings left out in turn: {weights_text(recipe, weights)}; now on all:")
    runs = [train(dataset, member_recipe(recipe, name), out / name) for name in recipe.members]
    scale = [weight * len(weights) for weight in weights]  # the ensemble takes the mean
    run = join_runs(runs, out, scale)
    run.description = replace(run.description, recipe=asdict(recipe), calibration=None)  # unfinished until it is fitted
    run.save()
    recordings = load_split(dataset, "valid", run.description.ch_names)
    run.description = replace(run.description, calibration=asdict(fit_confidence(run, recordings)))
    run.save()
    return run


def check_stackable(recipe: Recipe, out: Path) -> None:
    """BadInput, before hours of work, for members that cannot be stacked and for a folder with another run."""
    for i, name in enumerate(recipe.members):
        if name not in NETWORKS or not NETWORKS[name].streaming or name in recipe.members[:i]:
            fit = ", ".join(known for known, kind in NETWORKS.items() if kind.streaming)
            raise BadInput(
                f"recipe: members has {name!r}, but a stack needs networks that decode live, each once, of {fit}; "
                "correct it"
            )
    if (out / DESCRIPTION).is_file() and Run.load(out).description.recipe != json.loads(json.dumps(asdict(recipe))):
        raise BadInput(f"{out}: holds a run of another recipe; choose another --out or remove it")


def member_recipe(recipe: Recipe, name: str) -> Recipe:
    """The recipe of one member; options and the graph are those of the recipe's own network."""
    options, graph = (recipe.options, recipe.graph) if name == recipe.network else ({}, None)
    return replace(recipe, network=name, members=(), options=options, graph=graph)


def weights_text(recipe: Recipe, weights: Sequence[float]) -> str:
    """Names and weights, for people."""
    return ", ".join(f"{name} {weight:.3g}" for name, weight in zip(recipe.members, weights, strict=True))


def held_out_logits(run: Run, dataset: DatasetFile) -> tuple[np.ndarray, np.ndarray]:
    """Inner products at the end of each trial of the recording left out (n_trials, n_labels), and its labels."""
    recordings = load_split(dataset, "valid", run.description.ch_names)
    begin, end = run.description.window_s
    decoded = decode_run(run, recordings, tracks=tracks_needed(recordings, end))
    kept, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, (begin, end))
    return decoded.inner[rows].astype(float), decoded.label[kept]


def stacking_weights(inner: Sequence[np.ndarray], labels: np.ndarray) -> list[float]:
    """Weights, none negative, of the members' inner products that make the true labels most likely.

    Members join one by one, the most useful first, while the trials become more likely by `ENTRY_NATS`; the others
    weigh nothing, since what a dozen trials say of a member without an answer is chance.
    """
    centred = [one - one.mean(axis=1, keepdims=True) for one in inner]
    spread = [float(one.std()) or 1.0 for one in centred]
    inner_MNK = np.stack([one / sd for one, sd in zip(centred, spread, strict=True)])
    chosen, best, weights = list[int](), np.inf, np.zeros(len(inner))
    while len(chosen) < len(inner):
        tried = {m: _fit(inner_MNK[[*chosen, m]], labels) for m in range(len(inner)) if m not in chosen}
        member, (loss, found) = min(tried.items(), key=lambda item: item[1][0])
        if chosen and loss > best - ENTRY_NATS:
            break
        chosen, best = [*chosen, member], loss
        weights[:] = 0
        weights[chosen] = found
    return [float(weight / sd) for weight, sd in zip(weights, spread, strict=True)]


def _fit(inner_MNK: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Penalised negative log-likelihood at its minimum, and the weights there."""

    def loss(weight_M: np.ndarray) -> float:
        p = softmax(np.tensordot(weight_M, inner_MNK, axes=1), axis=-1)
        likely = np.log(p[np.arange(len(labels)), labels] + 1e-12).sum()
        return float(-likely + np.square(weight_M).sum() / (2 * PRIOR_SD**2))

    best = minimize(loss, np.full(len(inner_MNK), 0.5), bounds=[(0.0, None)] * len(inner_MNK))
    return float(best.fun), best.x
