"""`glimpse export`: run -> bundle."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.progress import Progress

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.channel_costs import fit_channel_costs
from training.calibration.confidence import join_calibrated
from training.data.dataset import has_recordings, load_dataset, load_split
from training.data.schema import DatasetFile
from training.evaluate.evaluate import evaluate
from training.export.bundle import export_bundle
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


def measure(run: Run, dataset: DatasetFile) -> dict[str, Any]:
    """Figures of `valid` and `test` for the card, of the splits that have recordings."""
    accuracy = {}
    for split in ("valid", "test"):
        if has_recordings(dataset, split):
            figures, _ = evaluate(run.path, dataset, split, streaming=False)
            accuracy[split] = {key: figures[key] for key in ("accuracy", "ci95", "chance", "n_trials")}
    return accuracy


def with_channel_costs(run: Run, recordings: list[Recording]) -> Run:
    """The run with the costs of its channels in its confidence, measured under a bar."""
    with Progress(console=console, transient=False) as bar:
        task = bar.add_task(f"what each of {len(run.description.ch_names)} channels is worth", total=None)
        costs = fit_channel_costs(
            run,
            recordings,
            report=console.print,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    calibration = replace(run.calibration, bad_cost=costs)
    return Run(run.path, replace(run.description, calibration=asdict(calibration)))


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
        run = runs[0]
        recordings = load_split(dataset, "valid", run.description.ch_names) if dataset else []
        if len(runs) > 1:
            run = join_calibrated(runs, Path(folder), recordings)
            if not recordings:
                console.print("confidence is not calibrated: that takes --data with validation recordings")
        accuracy = measure(run, dataset) if dataset else {}
        if "valid" in accuracy and run.streaming:
            run = with_channel_costs(run, recordings)
        bundle = export_bundle(run, command.out, accuracy, command.note)
    size_mb = sum(file.stat().st_size for file in bundle.path.iterdir()) / 1e6
    console.print(f"wrote {bundle.path} ({size_mb:.1f} MB); the encoder answers as torch does over 2,000 hops")
    return 0
