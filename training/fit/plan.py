"""The description of a run, decided from its dataset file, its recipe and its training recordings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from decoder.networks import NETWORKS
from decoder.networks.registry import NetworkEntry
from realtime.bundle.bundle import positions_to_json
from realtime.bundle.model_description import TargetKind
from realtime.errors import BadInput
from realtime.preprocess.config import PreprocessConfig
from realtime.recordings.recording import Recording
from realtime.sensors.montage import positions
from training.connectivity.priors import build_prior
from training.data.checks import recordings_digest
from training.data.line_noise import choose_notch
from training.data.schema import DatasetFile, TextTargets
from training.data.targets import Targets
from training.runs.description import RunDescription
from training.runs.recipe import Recipe


def plan_run(
    dataset: DatasetFile, recipe: Recipe, recordings: dict[str, list[Recording]], targets: Targets
) -> RunDescription:
    """The run's description, with every `auto` decided from training data.

    A learned mix of target layers is a space of the run's own, as trained prototypes are, so its targets are `labels`.
    BadInput for recordings of several rates, a window that ends before onset, and a network that does not fit.
    """
    network_entry(recipe)
    check_rates([*recordings["train"], *recordings["valid"]])
    check_window(dataset)
    first = recordings["train"][0]
    return RunDescription(
        name=dataset.name,
        network={"name": recipe.network, "config": network_config(dataset, recipe, first, targets)},
        ch_names=list(first.ch_names),
        rename=dataset.channels.rename,
        positions_m=positions_to_json(positions(first.ch_names, first.positions_m)),
        sfreq=first.sfreq,
        hop_samples=recipe.hop_samples,
        window_s=list(dataset.window_s),
        preprocess=asdict(plan_preprocess(dataset, recordings["train"])),
        events=dataset.markers or {label: label for label in targets.labels},
        targets=targets_kind(dataset, targets),
        labels=list(targets.labels),
        recipe=asdict(recipe),
        simulate=dataset.simulate.model_dump(mode="json", exclude={"labels", "ch_names"}) if dataset.simulate else {},
        data=data_summary(recordings),
    )


def network_entry(recipe: Recipe) -> NetworkEntry:
    """The registry's entry of the recipe's network; BadInput for an unknown name."""
    if recipe.network not in NETWORKS:
        raise BadInput(f"network {recipe.network!r} is not known, one of {', '.join(NETWORKS)} is needed")
    return NETWORKS[recipe.network]


def check_rates(recordings: Sequence[Recording]) -> None:
    """BadInput for a recording at another rate than the first."""
    first = recordings[0]
    for recording in recordings:
        if recording.sfreq != first.sfreq:
            raise BadInput(
                f"{recording.name}: runs at {recording.sfreq:g} Hz and {first.name} at {first.sfreq:g}; one bundle "
                "decodes one rate, so train on recordings of the same rate"
            )


def check_window(dataset: DatasetFile) -> None:
    """BadInput for a window that ends at or before onset."""
    if dataset.window_s[1] <= 0:
        raise BadInput(
            f"{dataset.path}: window_s ends at {dataset.window_s[1]:g} s, but trials are decoded from onset on, so "
            "it needs an end above 0; move it"
        )


def targets_kind(dataset: DatasetFile, targets: Targets) -> TargetKind:
    """What the bank's vectors are: trained `labels`, or given `text` or `images` vectors."""
    if isinstance(dataset.targets, str) or targets.layer_widths:
        return "labels"
    return "text" if isinstance(dataset.targets, TextTargets) else "images"


def plan_preprocess(dataset: DatasetFile, recordings: Sequence[Recording]) -> PreprocessConfig:
    """The dataset file's preprocessing; `notch_hz: auto` is decided by the training recordings."""
    requested = dataset.preprocess
    notch_hz = requested.notch_hz
    if notch_hz == "auto":
        notch_hz = choose_notch(recordings, requested.lowpass_hz)
    return PreprocessConfig(
        highpass_hz=requested.highpass_hz,
        lowpass_hz=requested.lowpass_hz,
        notch_hz=notch_hz,
        sfreq=requested.sfreq,
        reference=requested.reference,
        align_s=requested.align_s,
    )


def network_config(dataset: DatasetFile, recipe: Recipe, first: Recording, targets: Targets) -> dict[str, Any]:
    """The network's config as JSON holds it; BadInput for several target layers in a network fitted by formula."""
    network, layers = network_entry(recipe).network, targets.layer_widths
    if layers and network.fit_method == "closed_form":
        raise BadInput(
            f"network {recipe.network}: is fitted by formula, which mixes no target layers, but targets has "
            f"{len(layers)}; name one layer or choose another network"
        )
    target_dim = None if targets.vectors is None or layers else targets.vectors.shape[1]
    places = positions_to_json(positions(first.ch_names, first.positions_m))
    config: dict[str, Any] = {
        "n_channels": len(first.ch_names),
        "sfreq": dataset.preprocess.sfreq,
        "hop_samples": recipe.hop_samples,
        "embedding_dim": network.embedding_dim_for(len(targets.labels), target_dim, recipe.embedding_dim),
        "positions": [None if None in place else place for place in places],
    }
    return config | network.window_config(*dataset.window_s) | recipe.options


def data_summary(recordings: dict[str, list[Recording]]) -> dict[str, Any]:
    """Of each split: file names, trials of each label, and digests of what was read."""
    return {
        split: {
            "files": [Path(recording.name).name for recording in members],
            "trials": dict(Counter(label for recording in members for _, label in recording.markers)),
            "digests": [recordings_digest(recording) for recording in members],
        }
        for split, members in recordings.items()
    }


def with_graph(description: RunDescription, recipe: Recipe, signals: list[np.ndarray]) -> RunDescription:
    """The description whose network connects sensors by the recipe's prior, estimated from training signals.

    Edge strengths go to networks that read them. BadInput for a network without a graph of sensors.
    """
    if recipe.graph is None:
        return description
    name, config = description.network["name"], description.network["config"]
    keys = {network: {field.name for field in fields(entry.config)} for network, entry in NETWORKS.items()}
    if "neighbours" not in keys[name]:
        graphs = ", ".join(network for network in keys if "neighbours" in keys[network])
        raise BadInput(f"--graph: network {name} has no graph of sensors; leave it out or choose one of {graphs}")
    graph = build_prior(
        recipe.graph,
        signals,
        description.preprocess["sfreq"],
        positions(description.ch_names, np.array(description.positions_m, dtype=np.float64)),
        recipe.neighbours,
        ch_names=description.ch_names,
    )
    options = graph.options()
    if "edge_features" not in keys[name] or config.get("graph_version") == 1:  # GAT scores sensors, not edges
        del options["edge_features"]
    return replace(description, network=description.network | {"config": config | options})
