"""What a network learns from, prepared: recordings, targets, the run's description and the training crops."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from decoder.layers.encoder import Network
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.checks import check_labels
from training.data.crops import Crops, crops_of, window_crops
from training.data.dataset import load_split
from training.data.loader import Windows
from training.data.schema import DatasetFile
from training.data.segments import Segment, preprocess_recording
from training.data.targets import Targets, read_targets
from training.fit.fit_method import Message, TrainingJob
from training.fit.plan import network_entry, plan_run, with_graph
from training.fit.sensor_whitening import whiten
from training.fit.transfer import copy_weights, freeze
from training.runs.description import RunDescription
from training.runs.recipe import Recipe
from training.runs.run import Run


@dataclass(frozen=True)
class Plan:
    """One dataset file, read, and what a run on it is."""

    dataset: DatasetFile
    recipe: Recipe
    recordings: dict[str, list[Recording]]  # train and valid
    targets: Targets
    description: RunDescription

    def segments(self, split: str) -> list[Segment]:
        """Preprocessed segments of a split; labels are numbered by the description."""
        frontend, labels = Run(self.dataset.path, self.description).make_frontend(), self.description.labels
        return [s for recording in self.recordings[split] for s in preprocess_recording(recording, frontend, labels)]

    def crops(self, segments: list[Segment]) -> Crops:
        """Where the crops of every trial of `segments` lie."""
        frontend = Run(self.dataset.path, self.description).make_frontend()
        return crops_of(segments, frontend, self.dataset.window_s, self.recipe.lead_s)


@dataclass(frozen=True)
class Prepared:
    """Everything that a network learns from."""

    job: TrainingJob  # its recipe as adapted to the targets
    run: Run  # not written yet
    recordings: dict[str, list[Recording]]  # train and valid
    targets: Targets
    segments: list[Segment]  # of the training recordings; none for pairs
    crops: Windows  # training examples
    signals: list[np.ndarray]  # float32 (C, n_times) each: what a network learns its whitening and graph from
    teacher: Run | None = None
    teacher_embeddings: np.ndarray | None = None  # float32 (n_crops, D)


def load_training_splits(dataset: DatasetFile) -> dict[str, list[Recording]]:
    """The recordings of `train` and `valid`; those of `test` are not read."""
    recordings = {"train": load_split(dataset, "train")}
    recordings["valid"] = load_split(dataset, "valid", recordings["train"][0].ch_names)
    check_labels(dataset, recordings)
    return recordings


def plan_job(job: TrainingJob) -> Plan:
    """Read the job's recordings and targets, and decide what the run is."""
    recordings = load_training_splits(job.dataset)
    targets, entry = read_targets(job.dataset), network_entry(job.recipe)
    recipe = job.recipe
    if targets.vectors is None:
        own_dim = entry.network.embedding_dim_for(len(targets.labels), None, recipe.embedding_dim)
        recipe = replace(recipe, embedding_dim=own_dim)
    description = plan_run(job.dataset, recipe, recordings, targets)
    made_from = {"start_from": job.start.digest} if job.start else {}
    return Plan(job.dataset, recipe, recordings, targets, replace(description, made_from=made_from))


def prepare_network(job: TrainingJob) -> Prepared:
    """What one network on one dataset file learns from."""
    plan = plan_job(job)
    segments = plan.segments("train")
    crops: Windows = plan.crops(segments)
    if not network_entry(plan.recipe).streaming:
        crops = window_crops(segments, plan.description.preprocess["sfreq"], job.dataset.window_s)
    signals = [segment.signal for segment in segments if segment.signal.size]
    run = Run(job.out, with_graph(plan.description, plan.recipe, signals))
    return Prepared(replace(job, recipe=plan.recipe), run, plan.recordings, plan.targets, segments, crops, signals)


def make_network(prepared: Prepared) -> Network:
    """The run's network before training: fresh weights by the recipe's seed, whitening, copied and frozen weights."""
    job, frontend = prepared.job, prepared.run.make_frontend()
    torch.manual_seed(job.recipe.seed)
    network = prepared.run.build()
    job.report(Message(f"{frontend.preprocess}, a decision every {frontend.hop_s * 1e3:.0f} ms"))
    try:
        whiten(network, prepared.signals, job.recipe)
    except ValueError as error:
        raise BadInput(f"network {job.recipe.network}: {error}") from error
    if job.start:
        job.report(Message(f"weights of {job.start.path}: {copy_weights(network, job.start)}"))
    freeze(network, job.recipe.freeze)
    n_weights = sum(parameter.numel() for parameter in network.parameters())
    n_trials, n_labels = len(prepared.crops.labels), len(prepared.targets.labels)
    job.report(Message(f"{job.recipe.network}: {n_weights:,} weights; {n_trials} trials of {n_labels} labels"))
    return network
