"""`glimpse export`: a run becomes a bundle, or nothing is written."""

import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from safetensors.numpy import save

from decoder.export import export_onnx
from decoder.streaming import Streaming
from realtime.arguments import HELP
from realtime.bundle import ENCODER, MANIFEST, WEIGHTS, Bundle, write_bundle
from realtime.errors import BadInput
from training.bad_channels import bad_costs
from training.calibration import calibrate
from training.dataset import load_dataset, load_split
from training.dataset_schema import DatasetFile
from training.ensemble import join, whole_window
from training.evaluate import evaluate
from training.run import SHARED, SHARED_TRAINING, Run

console = Console(highlight=False)

NOTES = {
    "labels": "Trained label prototypes: a space of this bundle's own, not CLIP's.",
    "text": "CLIP text vectors of the labels.",
    "images": "CLIP image vectors of the stimuli.",
}


def export(run: Run, out: Path, accuracy: dict[str, Any], note: str | None = None) -> Bundle:
    """Write the bundle of a finished run to `out`, replacing a bundle that is there and nothing else.

    It is made beside `out` and moved there whole, once the ONNX file has answered as torch does.
    """
    check_out(out)
    d = run.description
    network, bank = run.trained()
    if not isinstance(network, Streaming):
        raise BadInput(f"{run.path}: {whole_window(run)}")
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
                "versions": {name: version(name) for name in ("glimpse", "torch", "onnx")},
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


def card(run: Run, accuracy: dict[str, Any], note: str) -> str:
    """The bundle's card: what it was trained on, how well it does, what it is not for."""
    d = run.description
    files = [
        f"- {split}: {len(part['files'])} recordings, {sum(part['trials'].values())} trials"
        for split, part in d.data.items()
        if part["files"]
    ]
    scores = [
        f"- {split}: accuracy {found['accuracy']:.3f} (95 %: {found['ci95'][0]:.3f} to {found['ci95'][1]:.3f}), "
        f"chance {found['chance']:.3f}, {found['n_trials']} trials"
        for split, found in accuracy.items()
    ]
    trials = run.calibration.n_trials
    return "\n".join(
        [
            f"# {d.name}",
            "",
            f"{note}",
            "",
            f"{len(d.ch_names)} channels at {d.sfreq:g} Hz, {len(d.labels)} labels, network `{d.network['name']}`, "
            f"a decision every {1e3 * d.hop_samples / d.preprocess['sfreq']:.0f} ms, trials of {d.window_s[1]:g} s.",
            "",
            "## Trained on",
            "",
            *files,
            "",
            "## How well it does",
            "",
            *(scores or ["Not measured: the dataset file named no validation or test recordings."]),
            "",
            f"Confidence is calibrated on {trials} validation trials." if trials else "Confidence is not calibrated.",
            "",
            "## Not for",
            "",
            "Diagnosis or any decision about a person's health; other people, montages or tasks than those it was "
            "trained on.",
            "",
        ]
    )


@dataclass(frozen=True)
class ExportCommand:
    """Make a bundle of a run, or of several runs of the same data whose answers are averaged."""

    runs: tyro.conf.Positional[tuple[Path, ...]]  # run folders that `glimpse train` filled
    out: Path  # bundle folder to write
    # dataset file: its valid and test are measured for the card; valid also says what each channel is worth, and
    # calibrates several runs
    data: Path | None = None
    note: str | None = None  # one line on the card and the page, instead of the usual one


def joined(runs: list[Run], folder: Path, dataset: DatasetFile | None) -> Run:
    """The runs as one, its confidence calibrated on the dataset's validation recordings if they are given."""
    run = join(runs, folder)
    recordings = load_split(dataset, "valid", run.description.ch_names) if dataset else []
    if recordings:
        run.description = replace(run.description, calibration=asdict(calibrate(run, recordings)))
        run.save()
    else:
        console.print("confidence is not calibrated: that takes --data with validation recordings")
    return run


def main(argv: list[str]) -> int:
    """Run `glimpse export`."""
    command = tyro.cli(Annotated[ExportCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse export", config=HELP)
    if not command.runs:
        raise BadInput("RUNS: none found, one run folder or more needed")
    runs = [Run.load(path) for path in command.runs]
    dataset = load_dataset(command.data) if command.data else None
    with tempfile.TemporaryDirectory() as folder:
        run = runs[0] if len(runs) == 1 else joined(runs, Path(folder), dataset)
        accuracy = {}
        for split in ("valid", "test"):
            if dataset and getattr(dataset.files, split):
                found, _ = evaluate(run.path, dataset, split, streaming=False)
                accuracy[split] = {key: found[key] for key in ("accuracy", "ci95", "chance", "n_trials")}
        if dataset and "valid" in accuracy and run.streaming:
            recordings = load_split(dataset, "valid", run.description.ch_names)
            calibration = replace(run.calibration, bad_cost=bad_costs(run, recordings, console))
            run.description = replace(run.description, calibration=asdict(calibration))
        bundle = export(run, command.out, accuracy, command.note)
    size_mb = sum(file.stat().st_size for file in bundle.path.iterdir()) / 1e6
    console.print(f"wrote {bundle.path} ({size_mb:.1f} MB); the encoder answers as torch does over 2,000 hops")
    return 0
