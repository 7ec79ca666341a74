"""Training on two recordings of the same stimuli, such as EEG and MEG, as pairs of trials.

A fused run leaves two ordinary runs in its folder, `first` and `second`: the fused network with one modality alone,
which `evaluate` and `export` read like any other. Both together are measured on pairs of validation trials.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from decoder.networks.fusion import MODALITIES, FusionNetwork
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.calibration.confidence import fit_confidence
from training.data.pairs import PairedCrops, pair_trials
from training.data.schema import DatasetFile
from training.data.targets import load_targets
from training.evaluate.whole_windows import window_embeddings
from training.fit.fit_method import FitResult, Message, TrainingJob
from training.fit.gradient_descent import GradientDescent
from training.fit.plan import plan_run, with_graph
from training.fit.preparation import Plan, Prepared, load_training_splits, plan_job
from training.runs.description import RunDescription
from training.runs.recipe import Recipe
from training.runs.run import Run

PAIRS = "pairs.json"


@dataclass(frozen=True)
class PreparedPairs(Prepared):
    """Pairs of trials, and the two dataset files that they come from."""

    modalities: tuple[Plan, ...] = ()


@dataclass(frozen=True)
class TwoModalities:
    """Gradient descent on pairs of trials of the job's dataset file and a `second` one."""

    second: DatasetFile

    def prepare(self, job: TrainingJob) -> PreparedPairs:
        """Pairs of training trials; BadInput where the two files share nothing or the network takes one recording."""
        first = plan_job(job)
        recordings = load_training_splits(self.second)
        labels, _ = load_targets(self.second)
        # The targets of the first file are those of the pairs.
        description = plan_run(self.second, first.recipe, recordings, replace(first.targets, labels=labels))
        second = replace(first, dataset=self.second, recordings=recordings, description=description)
        fused = fusion_description(first.description, description, first.recipe)
        pairs = paired_crops((first, second), "train")
        job.report(
            Message(f"{len(pairs.labels)} pairs, {pairs.by_stimulus} of one stimulus, the others of one concept")
        )
        signals = pairs.signals()
        run = Run(job.out, with_graph(fused, first.recipe, signals))
        job = replace(job, recipe=first.recipe)
        return PreparedPairs(job, run, first.recordings, first.targets, [], pairs, signals, modalities=(first, second))

    def fit(self, prepared: PreparedPairs) -> FitResult:
        """Gradient descent."""
        return GradientDescent().fit(prepared)

    def finish(self, prepared: PreparedPairs, run: Run) -> Calibration:
        """Write and measure the runs of each modality alone, whose confidence is their own; the neutral confidence."""
        write_single_modality_runs(run, prepared.modalities)
        if all(modality.recordings["valid"] for modality in prepared.modalities):
            prepared.job.report(Message(measure_on_validation(run, prepared.modalities)))
        return Calibration()


def measure_on_validation(run: Run, modalities: Sequence[Plan]) -> str:
    """Measure both modalities on pairs of validation trials; the result, or why there is none, as a sentence."""
    try:
        figures = measure_two_modalities(run, paired_crops(modalities, "valid"))
    except BadInput as error:
        return f"both modalities together are not measured: {error}"
    accuracies = ", ".join(f"{name} {figures[name]:.3f}" for name in ("both", "first", "second"))
    return f"accuracy at the end of {figures['n_pairs']} validation pairs: {accuracies}"


def paired_crops(modalities: Sequence[Plan], split: str) -> PairedCrops:
    """Pairs of trials of `split`; BadInput where the two share nothing or differ in their hops."""
    first, second = (modality.crops(modality.segments(split)) for modality in modalities)
    labels = [modality.description.labels for modality in modalities]
    files = [f"files.{split} of {modality.dataset.path}" for modality in modalities]
    return pair_trials(first, second, (labels[0], labels[1]), (files[0], files[1]), modalities[0].recipe.seed)


def fusion_description(first: RunDescription, second: RunDescription, recipe: Recipe) -> RunDescription:
    """The first description with a network for the channels of both; BadInput for another network."""
    if recipe.network != "fusion":
        raise BadInput(f"--pair: network {recipe.network} takes one recording; use --network fusion")
    one, two = first.network["config"], second.network["config"]
    config: dict[str, Any] = one | {
        "n_channels": one["n_channels"] + two["n_channels"],
        "n_first": one["n_channels"],
        "positions": one["positions"] + two["positions"],
    }
    return replace(first, network={"name": "fusion", "config": config}, pair=asdict(second))


def write_single_modality_runs(run: Run, modalities: Sequence[Plan]) -> None:
    """Write a run for each modality alone, calibrated on its own validation recordings."""
    checkpoint = run.checkpoint()
    network = run.build()
    if checkpoint is None or not isinstance(network, FusionNetwork):
        raise BadInput(f"{run.path}: holds no fused network; finish `glimpse train --pair` first")
    network.load_state_dict(checkpoint["network"])
    for name, modality in zip(MODALITIES, modalities, strict=True):
        alone = network.single_modality(name)
        spec = {"name": "fusion", "config": asdict(alone.config)}
        description = replace(modality.description, network=spec, labels=run.description.labels)
        single = Run(run.path / name, description)
        single.save()
        single.save_checkpoint(checkpoint | {"network": alone.state_dict()})
        calibration = fit_confidence(single, modality.recordings["valid"])
        single.description = replace(description, calibration=asdict(calibration))
        single.save()


def measure_two_modalities(run: Run, pairs: PairedCrops) -> dict[str, Any]:
    """Accuracy at the end of the window of both modalities together and of each alone, on the same pairs.

    Also written to `pairs.json` in the run's folder.
    """
    checkpoint = run.checkpoint()
    if checkpoint is None:
        raise BadInput(f"{run.path}: the run has no weights; finish `glimpse train --pair` first")
    network = run.build().eval()
    network.load_state_dict(checkpoint["network"])
    rows = torch.nn.functional.normalize(checkpoint["objective"]["prototypes"], dim=-1).numpy()
    n_first = run.description.network["config"]["n_first"]
    masks = {"both": slice(0, 0), "first": slice(n_first, None), "second": slice(0, n_first)}
    figures: dict[str, Any] = {"n_pairs": len(pairs.labels), "by_stimulus": pairs.by_stimulus}
    for name, masked in masks.items():
        correct = (window_embeddings(network, MaskedPairs(pairs, masked)) @ rows.T).argmax(axis=1) == pairs.labels
        figures[name] = float(correct.mean())
    (run.path / PAIRS).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


@dataclass(frozen=True)
class MaskedPairs:
    """Pairs in which some channels are zero."""

    pairs: PairedCrops
    masked: slice  # channels
    hop_samples: int = 1  # unread: nothing is shifted

    @property
    def labels(self) -> np.ndarray:
        """Label index of each pair."""
        return self.pairs.labels

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A pair as `PairedCrops.cut` gives it, with zeros in the masked channels."""
        signal, onset, mask = self.pairs.cut(index, shift)
        signal[self.masked] = 0
        return signal, onset, mask
