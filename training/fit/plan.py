"""What a run is, decided from its dataset file, its recipe and its training recordings before anything is learned."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from decoder.networks import NETWORKS
from realtime.bundle.bundle import positions_to_json
from realtime.errors import BadInput
from realtime.preprocess.config import PreprocessConfig
from realtime.recordings.recording import Recording
from realtime.sensors.montage import positions
from training.data.checks import recordings_digest
from training.data.line_noise import choose_notch
from training.data.schema import DatasetFile
from training.runs.description import RunDescription
from training.runs.recipe import Recipe


def plan_run(
    dataset: DatasetFile,
    recipe: Recipe,
    recordings: dict[str, list[Recording]],
    labels: tuple[str, ...],
    vectors: np.ndarray | None,
    layers: Sequence[int] = (),
) -> RunDescription:
    """The run's description, everything that `auto` stood for decided from training data.

    Mixed target layers are a space of the run's own, as trained prototypes are, so its targets are called labels.
    """
    if recipe.network not in NETWORKS:
        raise BadInput(f"network {recipe.network!r} is not known, one of {', '.join(NETWORKS)} is needed")
    first = recordings["train"][0]
    for recording in recordings["train"] + recordings["valid"]:
        if recording.sfreq != first.sfreq:
            raise BadInput(
                f"{recording.name}: runs at {recording.sfreq:g} Hz and {first.name} at {first.sfreq:g}; one bundle "
                "decodes one rate, so train on recordings of the same rate"
            )
    if dataset.window_s[1] <= 0:
        raise BadInput(
            f"{dataset.path}: window_s ends at {dataset.window_s[1]:g} s, but trials are decoded from onset on, so "
            "it needs an end above 0; move it"
        )
    wanted = dataset.preprocess
    notch_hz = choose_notch(recordings["train"], wanted.lowpass_hz) if wanted.notch_hz == "auto" else wanted.notch_hz
    preprocess = PreprocessConfig(
        highpass_hz=wanted.highpass_hz,
        lowpass_hz=wanted.lowpass_hz,
        notch_hz=notch_hz,
        sfreq=wanted.sfreq,
        reference=wanted.reference,
        align_s=wanted.align_s,
    )
    kind = NETWORKS[recipe.network].network
    if layers and kind.fit_method == "closed_form":
        raise BadInput(
            f"network {recipe.network}: is fitted by formula, which mixes no target layers, but targets has "
            f"{len(layers)}; name one layer or choose another network"
        )
    where = positions(first.ch_names, first.positions_m)
    network = {
        "n_channels": len(first.ch_names),
        "sfreq": wanted.sfreq,
        "hop_samples": recipe.hop_samples,
        "embedding_dim": kind.embedding_dim_for(
            len(labels), None if vectors is None or layers else vectors.shape[1], recipe.embedding_dim
        ),
        "positions": [None if None in row else row for row in positions_to_json(where)],
    }
    network |= kind.window_config(*dataset.window_s) | recipe.options
    return RunDescription(
        name=dataset.name,
        network={"name": recipe.network, "config": network},
        ch_names=list(first.ch_names),
        rename=dataset.channels.rename,
        positions_m=positions_to_json(where),
        sfreq=first.sfreq,
        hop_samples=recipe.hop_samples,
        window_s=list(dataset.window_s),
        preprocess=asdict(preprocess),
        events=dataset.markers or {label: label for label in labels},
        targets="labels" if isinstance(dataset.targets, str) or layers else next(iter(dataset.targets.model_dump())),
        labels=list(labels),
        recipe=asdict(recipe),
        simulate=dataset.simulate.model_dump(mode="json", exclude={"labels", "ch_names"}) if dataset.simulate else {},
        data={
            split: {
                "files": [Path(recording.name).name for recording in found],
                "trials": dict(Counter(label for recording in found for _, label in recording.markers)),
                "digests": [recordings_digest(recording) for recording in found],
            }
            for split, found in recordings.items()
        },
    )
