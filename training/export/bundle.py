"""`glimpse export`: a run becomes a bundle, or nothing is written."""

import shutil
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from safetensors.numpy import save

from decoder.export import export_onnx
from decoder.streaming import Streaming
from realtime.bundle.bundle import ENCODER, MANIFEST, WEIGHTS, Bundle, write_bundle
from realtime.errors import BadInput
from training.export.card import NOTES, card
from training.runs.description import SHARED, SHARED_TRAINING
from training.runs.ensemble import not_streaming_message
from training.runs.run import Run

console = Console(highlight=False)


def export_bundle(run: Run, out: Path, accuracy: dict[str, Any], note: str | None = None) -> Bundle:
    """Write the bundle of a finished run to `out`, replacing a bundle that is there and nothing else.

    It is made beside `out` and moved there whole, once the ONNX file has answered as torch does.
    """
    check_out(out)
    d = run.description
    network, bank = run.load_trained()
    if not isinstance(network, Streaming):
        raise BadInput(f"{run.path}: {not_streaming_message(run)}")
    if not run.finished:
        raise BadInput(
            f"{run.path}: training has not reached its last epoch; go on with the same `glimpse train` first"
        )
    note = note or NOTES[d.targets]
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        metadata = {"name": d.name, "ch_names": d.ch_names, "sfreq": d.sfreq, "network": d.network}
        try:
            export_onnx(network, part / ENCODER, metadata)
        except ValueError as error:
            raise BadInput(f"{run.path}: {error}") from error
        # By name, because the exporter folds weights into others; the ONNX file alone cannot be trained on.
        weights = {key: value.contiguous().numpy() for key, value in network.state_dict().items()}
        (part / WEIGHTS).write_bytes(save(weights))
        write_bundle(
            part,
            bank,
            card(run, accuracy, note),
            **{key: getattr(d, key) for key in SHARED},
            note=note,
            states=list(network.init_state(1)),
            preprocess=d.preprocess,
            calibration=run.calibration,
            training={key: getattr(d, key) for key in SHARED_TRAINING}
            | {
                "made": datetime.now(UTC).date().isoformat(),
                "versions": {"glimpse": version("glimpse-bci"), "torch": version("torch"), "onnx": version("onnx")},
            },
            accuracy=accuracy,
        )
        part.chmod(0o755)
        old = part.with_name(part.name + ".old")
        if out.exists():
            out.rename(old)  # aside first: a crash between the two renames loses no bundle
        part.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.load(out)


def check_out(out: Path) -> None:
    """BadInput where something that is no bundle lies in the way."""
    if out.exists() and not (out / MANIFEST).exists():
        raise BadInput(f"{out}: exists and is not a bundle; choose another --out or remove it")
