"""From a bundle back to a run that can be trained further."""

from dataclasses import asdict, fields
from pathlib import Path

import torch
from safetensors.torch import load_file

from decoder.export import check_parity
from decoder.streaming import Streaming
from realtime.bundle.bundle import MANIFEST, WEIGHTS, Bundle
from realtime.bundle.model_description import ModelDescription, fields_of
from realtime.errors import BadInput
from training.runs.description import RunDescription, TrainingRecord
from training.runs.run import Run

CHECKED_HOPS = 200


def reopen_bundle(path: Path, folder: Path) -> tuple[Run, dict[str, str]]:
    """The finished run at `path`, or one written to `folder` from the bundle there, and its origin: kind -> sha256.

    BadInput for a bundle without weights, which an older Glimpse exported, and where the network that this Glimpse
    builds from the weights differs from the bundle's encoder.
    """
    if not (path / MANIFEST).is_file():
        run = Run.load(path)
        if not run.finished:
            raise BadInput(f"{path}: training has not reached its last epoch; finish `glimpse train` first")
        return run, {"run": f"sha256:{run.digest}"}
    bundle = Bundle.load(path)
    if WEIGHTS not in bundle.manifest.files:
        raise BadInput(
            f"{path}: holds no {WEIGHTS}, so an older Glimpse exported it; export its run again, or give the run folder"
        )
    run = Run(folder, description_of_bundle(bundle))
    run.save()
    vectors = torch.from_numpy(bundle.bank.vectors)
    run.save_checkpoint({"network": load_file(path / WEIGHTS), "objective": {"prototypes": vectors}})
    network, _ = run.load_trained()
    assert isinstance(network, Streaming)  # only such networks are exported
    try:
        check_parity(network, bundle.encoder_path, 1, CHECKED_HOPS)
    except ValueError as error:
        raise BadInput(
            f"{path}: {WEIGHTS} and the encoder do not answer alike as this Glimpse builds the network ({error}); use "
            "the version that exported it, or export its run again"
        ) from error
    return run, {"bundle": bundle.hash}


def description_of_bundle(bundle: Bundle) -> RunDescription:
    """What a manifest holds of the run's description."""
    manifest = bundle.manifest
    return RunDescription(
        **fields_of(ModelDescription, manifest),
        **{entry.name: manifest.training.get(entry.name, {}) for entry in fields(TrainingRecord)},
        preprocess=asdict(manifest.preprocess),
        labels=list(bundle.bank.names),
        calibration=asdict(manifest.calibration),
    )
