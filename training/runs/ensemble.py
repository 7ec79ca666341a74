"""Runs of the same data joined into one run, whose network holds all of theirs."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from decoder.networks.ensemble import concat_rows
from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput
from training.runs.description import RunDescription
from training.runs.run import Run

# Fields that all members must share; networks, recipes and seeds may differ.
SAME_FIELDS = (
    *("data", "ch_names", "rename", "sfreq", "hop_samples", "window_s", "preprocess"),
    *("events", "targets", "labels", "simulate"),
)


def join_runs(runs: Sequence[Run], folder: Path, weights: Sequence[float] | None = None) -> Run:
    """A run in `folder` of the network `ensemble`, finished, its confidence not calibrated.

    Members that learned prototypes each have a space of their own, so embeddings and rows stand side by side; members
    of the same vectors give the mean of their embeddings. Their own calibrations are dropped: the mean of several
    has another confidence than any of them. `weights` are of the members' embeddings, equal if None. BadInput names
    what differs.
    """
    first = runs[0].description
    for run in runs:
        check_members(run, runs[0].path, first)
    networks, banks = zip(*(run.load_trained() for run in runs), strict=True)
    rows = [torch.from_numpy(bank.vectors) for bank in banks]
    shared = all(torch.equal(vectors, rows[0]) for vectors in rows)
    vectors = rows[0] if shared else concat_rows(rows)
    config: dict[str, Any] = {
        key: first.network["config"][key] for key in ("n_channels", "sfreq", "hop_samples", "positions")
    }
    config |= {"embedding_dim": vectors.shape[1], "join": "mean" if shared else "concat"}
    config["weights"] = None if weights is None else list(weights)
    config["members"] = [run.description.network for run in runs]
    description = replace(
        first,
        network={"name": "ensemble", "config": config},
        recipe={"members": [run.description.recipe for run in runs]},
        made_from={f"member {i}": run.digest for i, run in enumerate(runs)},
        calibration=asdict(Calibration()),
    )
    joined = Run(folder, description)
    tensors = {
        f"members.{i}.{key}": tensor for i, member in enumerate(networks) for key, tensor in member.state_dict().items()
    }
    joined.save()
    joined.save_checkpoint({"network": tensors, "objective": {"prototypes": vectors}})
    return joined


def check_members(run: Run, path: Path, first: RunDescription) -> None:
    """BadInput unless the run is finished, streams, and is like the `first`, which lies in `path`."""
    if not run.finished:
        raise BadInput(
            f"{run.path}: training has not reached its last epoch; go on with the same `glimpse train` first"
        )
    if not run.streaming:
        raise BadInput(f"{run.path}: {not_streaming_message(run)}")
    if differs := [key for key in SAME_FIELDS if getattr(run.description, key) != getattr(first, key)]:
        raise BadInput(
            f"{run.path}: its {', '.join(differs)} differ from those of {path}, but one bundle needs runs of the same "
            "dataset file and hop; export them one by one or train them alike"
        )


def not_streaming_message(run: Run) -> str:
    """Why a network that needs whole windows cannot become a bundle."""
    return (
        f"network {run.description.network['name']} needs a trial's whole window at once, so it cannot decode live; "
        "train a streaming network with this run as its --teacher and export that"
    )
