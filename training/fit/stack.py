"""Several kinds of network as one, weighted by how well each decodes recordings that it was not trained on.

Wolpert, Neural Networks, 1992.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from decoder.networks import NETWORKS
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.calibration.confidence import fit_confidence
from training.data.dataset import load_split
from training.data.schema import DatasetFile
from training.data.split_files import split_files
from training.evaluate.decode import tracks_needed
from training.evaluate.loaded_model import decode_run
from training.evaluate.time_course import trial_answers
from training.fit.fit_method import FitResult, Message, TrainingJob
from training.runs.ensemble import join_runs
from training.runs.recipe import Recipe
from training.runs.run import DESCRIPTION, Run

# Standard deviation of the normal prior on each member's weight; a larger one overfits a dozen trials. Logits have unit
# variance.
PRIOR_SD = 2.0
ENTRY_NATS = 3.0  # by which a further member must make the held-out trials more likely: e^3, 20 to 1
MAX_HELD_OUT = 2  # recordings; each costs another training of every member


@dataclass(frozen=True)
class StackPlan:
    """The trainings whose held-out recordings weigh the members."""

    job: TrainingJob
    folds: tuple[tuple[str, DatasetFile], ...]  # recording left out, and the dataset file that validates on it


@dataclass(frozen=True)
class StackedFit:
    """Every member of the recipe trained by `train`, weighed, and joined to one run; each is a run in `out`/NAME.

    The weights come from members trained without one recording of `train`, on that recording, for each of the last
    two; then every member is trained again on all recordings.
    """

    train: Callable[[TrainingJob], Run]

    def prepare(self, job: TrainingJob) -> StackPlan:
        """Which recordings are left out; BadInput where there is only one, and for members that cannot be stacked."""
        check_stackable(job.recipe, job.out)
        dataset = job.dataset
        if dataset.shows_pictures:
            raise BadInput(
                f"{dataset.path}: a stack leaves out whole files of files.train, but the events are pictures, "
                "whose splits go by concept; train one network"
            )
        files = (
            dataset.files.train
            if dataset.simulate
            else tuple(str(path.resolve()) for path in split_files(dataset, "train"))
        )
        if len(files) < 2:
            raise BadInput(
                f"{dataset.path}: files.train has 1 recording, and a stack weighs its members on one left out, so it "
                "needs 2 or more; name another or train one network"
            )
        return StackPlan(job, tuple((str(file), without(dataset, files, file)) for file in files[-MAX_HELD_OUT:]))

    def fit(self, prepared: StackPlan) -> FitResult:
        """Train, weigh and join the members."""
        job, recipe = prepared.job, prepared.job.recipe
        folds = [self.fold_logits(job, i, *fold) for i, fold in enumerate(prepared.folds)]
        logits = [np.concatenate([fold[m][0] for fold in folds]) for m in range(len(recipe.members))]
        weights = stacking_weights(logits, np.concatenate([fold[0][1] for fold in folds]))
        n_folds, text = len(folds), weights_text(recipe, weights)
        job.report(Message(f"weights, from {n_folds} recordings left out in turn: {text}; now on all:"))
        runs = self.train_members(job, job.dataset, job.out)
        scale = [weight * len(weights) for weight in weights]  # the ensemble takes the mean
        run = join_runs(runs, job.out, scale)
        run.description = replace(run.description, recipe=asdict(recipe), calibration=None)  # unfinished until `finish`
        run.save()
        return FitResult(run, complete=True)

    def finish(self, prepared: StackPlan, run: Run) -> Calibration:
        """Confidence fitted on the validation recordings."""
        return fit_confidence(run, load_split(prepared.job.dataset, "valid", run.description.ch_names))

    def fold_logits(
        self, job: TrainingJob, fold: int, left_out: str, dataset: DatasetFile
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Logits and labels of the recording left out, from each member trained without it."""
        job.report(Message(f"without {left_out}, on which the members are weighed then:"))
        try:
            runs = self.train_members(job, dataset, job.out / f"without-{fold}")
        except BadInput as error:  # such as a label that this recording alone has
            raise BadInput(f"without {left_out}, on which a stack weighs its members: {error}") from error
        return [held_out_logits(run, dataset) for run in runs]

    def train_members(self, job: TrainingJob, dataset: DatasetFile, folder: Path) -> list[Run]:
        """A run of each member in `folder`/NAME."""
        recipe = job.recipe
        return [
            self.train(TrainingJob(dataset, member_recipe(recipe, name), folder / name, report=job.report))
            for name in recipe.members
        ]


def without(dataset: DatasetFile, files: Sequence[str | int], left_out: str | int) -> DatasetFile:
    """The dataset file that trains on all `files` but one, and validates on that one."""
    rest = tuple(file for file in files if file != left_out)
    split = {"train": rest, "valid": (left_out,), "test": ()}
    return dataset.model_copy(update={"files": dataset.files.model_copy(update=split)})


def check_stackable(recipe: Recipe, out: Path) -> None:
    """BadInput, before hours of work, for members that cannot be stacked and for a folder with another run."""
    for i, name in enumerate(recipe.members):
        if name not in NETWORKS or not NETWORKS[name].streaming or name in recipe.members[:i]:
            usable = ", ".join(network for network, entry in NETWORKS.items() if entry.streaming)
            raise BadInput(
                f"recipe: members has {name!r}, but a stack needs networks that decode live, each once, of {usable}; "
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
    """Logits at the end of each trial of the recording left out (n_trials, n_labels), and its labels."""
    recordings = load_split(dataset, "valid", run.description.ch_names)
    start_s, end_s = run.description.window_s
    decoded = decode_run(run, recordings, tracks=tracks_needed(recordings, end_s))
    answered, rows = trial_answers(decoded.since_onset_s, decoded.trial, decoded.label, (start_s, end_s))
    return decoded.logits[rows].astype(float), decoded.label[answered]


def stacking_weights(logits: Sequence[np.ndarray], labels: np.ndarray) -> list[float]:
    """Weights, none negative, of the members' logits that make the true labels most likely.

    Members join one by one, the most useful first, while the trials become more likely by `ENTRY_NATS`. The others get
    weight 0: a dozen trials cannot show more than chance for a member that does not decode.
    """
    centred = [member - member.mean(axis=1, keepdims=True) for member in logits]
    spread = [float(member.std()) or 1.0 for member in centred]
    logits_MNK = np.stack([member / sd for member, sd in zip(centred, spread, strict=True)])
    chosen, best, weights = list[int](), np.inf, np.zeros(len(logits))
    while len(chosen) < len(logits):
        candidates = {m: _fit(logits_MNK[[*chosen, m]], labels) for m in range(len(logits)) if m not in chosen}
        member, (loss, fitted) = min(candidates.items(), key=lambda item: item[1][0])
        if chosen and loss > best - ENTRY_NATS:
            break
        chosen, best = [*chosen, member], loss
        weights[:] = 0
        weights[chosen] = fitted
    return [float(weight / sd) for weight, sd in zip(weights, spread, strict=True)]


def _fit(logits_MNK: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Penalised negative log-likelihood at its minimum, and the weights there."""

    def loss(weight_M: np.ndarray) -> float:
        p = softmax(np.tensordot(weight_M, logits_MNK, axes=1), axis=-1)
        log_likelihood = np.log(p[np.arange(len(labels)), labels] + 1e-12).sum()
        return float(-log_likelihood + np.square(weight_M).sum() / (2 * PRIOR_SD**2))

    best = minimize(loss, np.full(len(logits_MNK), 0.5), bounds=[(0.0, None)] * len(logits_MNK))
    return float(best.fun), best.x
