"""Writes a finished run as a bundle, all or nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from decoder.export import export_onnx
from decoder.streaming import Streaming
from realtime.bundle.bundle import ENCODER, MANIFEST, WEIGHTS, Bundle, write_bundle
from realtime.bundle.model_description import ModelDescription, fields_of
from realtime.errors import BadInput
from training.export.card import NOTES, card
from training.runs.description import TrainingRecord
from training.runs.ensemble import not_streaming_message
from training.runs.run import Run

PACKAGES = {"glimpse": "glimpse-bci", "torch": "torch", "onnx": "onnx"}  # name in a manifest -> distribution


def export_bundle(run: Run, out: Path, accuracy: dict[str, Any], note: str | None = None) -> Bundle:
    """Write the bundle of a finished run to `out`, replacing a bundle that is there and nothing else.

    It is made next to `out` and moved there whole, once the ONNX file has given the same embeddings as torch.
    """
    check_out(out)
    description = run.description
    network, bank = run.load_trained()
    if not isinstance(network, Streaming):
        raise BadInput(f"{run.path}: {not_streaming_message(run)}")
    if not run.finished:
        raise BadInput(
            f"{run.path}: training has not reached its last epoch; go on with the same `glimpse train` first"
        )
    note = note or NOTES[description.targets]
    with replaced_folder(out) as folder:
        write_encoder(run, network, folder)
        write_bundle(
            folder,
            bank,
            card(run, accuracy, note),
            **fields_of(ModelDescription, description),
            note=note,
            states=list(network.init_state(1)),
            preprocess=description.preprocess,
            calibration=run.calibration,
            training=fields_of(TrainingRecord, description)
            | {
                "made": datetime.now(UTC).date().isoformat(),
                "versions": {name: version(distribution) for name, distribution in PACKAGES.items()},
            },
            accuracy=accuracy,
        )
    return Bundle.load(out)


def write_encoder(run: Run, network: Streaming, folder: Path) -> None:
    """Write the ONNX file and the weights by name, which the ONNX file alone would not allow to train further."""
    description = run.description
    metadata = {
        "name": description.name,
        "ch_names": description.ch_names,
        "sfreq": description.sfreq,
        "network": description.network,
    }
    try:
        export_onnx(network, folder / ENCODER, metadata)
    except ValueError as error:
        raise BadInput(f"{run.path}: {error}") from error
    weights = {key: value.contiguous().numpy() for key, value in network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(weights))


@contextmanager
def replaced_folder(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends without an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        old = folder.with_name(folder.name + ".old")
        if out.exists():
            out.rename(old)  # aside first: a crash between the two renames loses no bundle
        folder.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_out(out: Path) -> None:
    """BadInput where `out` exists and is no bundle."""
    if out.exists() and not (out / MANIFEST).exists():
        raise BadInput(f"{out}: exists and is not a bundle; choose another --out or remove it")
