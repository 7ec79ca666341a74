"""`glimpse export`: run -> bundle."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from training.calibration.channel_costs import fit_channel_costs
from training.calibration.confidence import fit_confidence
from training.data.dataset import load_dataset, load_split
from training.data.schema import DatasetFile
from training.evaluate.evaluate import evaluate
from training.export.bundle import export_bundle
from training.runs.ensemble import join_runs
from training.runs.run import Run

console = Console(highlight=False)


@dataclass(frozen=True)
class ExportCommand:
    """Make a bundle of a run, or of several runs of the same data whose answers are averaged."""

    runs: tyro.conf.Positional[tuple[Path, ...]]  # run folders that `glimpse train` filled
    out: Path  # bundle folder to write
    # dataset file: its valid and test are measured for the card; valid also says what each channel is worth, and
    # calibrates several runs
    data: Path | None = None
    note: str | None = None  # one line on the card and the page, instead of the usual one


def join_if_several(runs: list[Run], folder: Path, dataset: DatasetFile | None) -> Run:
    """The runs as one, its confidence calibrated on the dataset's validation recordings if they are given."""
    run = join_runs(runs, folder)
    recordings = load_split(dataset, "valid", run.description.ch_names) if dataset else []
    if recordings:
        run.description = replace(run.description, calibration=asdict(fit_confidence(run, recordings)))
        run.save()
    else:
        console.print("confidence is not calibrated: that takes --data with validation recordings")
    return run


def main(argv: list[str]) -> int:
    """Run `glimpse export`."""
    command = tyro.cli(
        Annotated[ExportCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse export", config=TYRO_CONFIG
    )
    if not command.runs:
        raise BadInput("RUNS: none found, one run folder or more needed")
    runs = [Run.load(path) for path in command.runs]
    dataset = load_dataset(command.data) if command.data else None
    with tempfile.TemporaryDirectory() as folder:
        run = runs[0] if len(runs) == 1 else join_if_several(runs, Path(folder), dataset)
        accuracy = {}
        for split in ("valid", "test"):
            if dataset and dataset.has_split(split):
                found, _ = evaluate(run.path, dataset, split, streaming=False)
                accuracy[split] = {key: found[key] for key in ("accuracy", "ci95", "chance", "n_trials")}
        if dataset and "valid" in accuracy and run.streaming:
            recordings = load_split(dataset, "valid", run.description.ch_names)
            calibration = replace(run.calibration, bad_cost=fit_channel_costs(run, recordings, console))
            run.description = replace(run.description, calibration=asdict(calibration))
        bundle = export_bundle(run, command.out, accuracy, command.note)
    size_mb = sum(file.stat().st_size for file in bundle.path.iterdir()) / 1e6
    console.print(f"wrote {bundle.path} ({size_mb:.1f} MB); the encoder answers as torch does over 2,000 hops")
    return 0
