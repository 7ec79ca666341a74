"""`glimpse calibrate`: a bundle becomes a bundle for one person, from a recording or a live session of minutes."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.calibration.live_session import record_session, save_live_recording, unused_path
from training.calibration.person import AFTER, BEFORE, CONFIDENCE, export_personal_bundle, fit_to_person
from training.data.dataset import load_dataset, load_split
from training.export.bundle import check_out
from training.runs.reopen import reopen_bundle
from training.runs.run import Run

console = Console(highlight=False)
MIN_LIVE_S = 1.0  # of a live session


@dataclass(frozen=True)
class CalibrateCommand:
    """Fit a bundle to a person, a cap and a day, from minutes of trials whose labels are known."""

    path: tyro.conf.Positional[Path]  # bundle, or the run folder it was exported from
    out: Path  # bundle folder to write
    data: Path | None = None  # dataset file whose `train` recordings are the calibration
    stream: str | None = None  # instead of --data: calibrate live on the LSL stream of this name
    seconds: float = 300.0  # length of the live session
    markers: str | None = None  # name of its marker stream; left out: every one found; without one, cues are shown here


def calibration_recordings(command: CalibrateCommand, run: Run) -> list[Recording]:
    """The calibration recordings, channels in the run's order and labels for markers."""
    description = run.description
    if command.data:
        recordings = load_split(load_dataset(command.data), "train", description.ch_names)
        if not recordings:
            raise BadInput(f"{command.data}: files.train is empty; name the recordings to calibrate on there")
        return recordings
    assert command.stream is not None
    recording = record_session(description, command.stream, command.markers, command.seconds, print_line)
    path = unused_path(command.out.with_name(f"{command.out.name}-session.npz"))
    save_live_recording(recording, path)
    console.print(f"recorded {recording.duration_s:.0f} s and {len(recording.markers)} trials, saved in {path}")
    return [recording]


def print_line(sentence: str) -> None:
    """Print one line as it is: without output, a minute looks like a program that hangs."""
    console.print(sentence, markup=False, soft_wrap=True)


def print_outcome(figures: dict[str, dict[str, Any]]) -> None:
    """Print before and after."""
    n, chance = figures[BEFORE]["n_trials"], figures[BEFORE]["chance"]
    table = Table(title=f"{n} trials held out, chance {chance:.3f}", title_justify="left")
    for column in ("", "accuracy", "95 %", "AUC", "log loss", "ECE"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name in (BEFORE, CONFIDENCE, AFTER):
        row = figures[name]
        numbers = [row[key] for key in ("accuracy", "auc", "log_loss", "calibration_error")]
        accuracy, *others = ["-" if number is None else f"{number:.3f}" for number in numbers]
        table.add_row(name, accuracy, "{:.2f} to {:.2f}".format(*row["ci95"]), *others)
    console.print(table)


def main(argv: list[str]) -> int:
    """Run `glimpse calibrate`."""
    command = tyro.cli(
        Annotated[CalibrateCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse calibrate", config=TYRO_CONFIG
    )
    if (command.data is None) == (command.stream is None):
        given = "neither" if command.data is None else "both"
        raise BadInput(f"{given} found, one of --data and --stream is needed; name a dataset file or a live stream")
    if not MIN_LIVE_S <= command.seconds < math.inf:
        raise BadInput(f"--seconds: {command.seconds:g} found, at least {MIN_LIVE_S:g} is needed; give more")
    if command.out.resolve() == command.path.resolve():
        raise BadInput(f"--out: {command.out} is the folder that is calibrated and does not change; name another one")
    check_out(command.out)
    with tempfile.TemporaryDirectory() as folder:
        print_line(f"opening {command.path}")
        run, origin = reopen_bundle(command.path, Path(folder) / "run")
        recordings = calibration_recordings(command, run)
        began = monotonic()
        fitted = fit_to_person(run, recordings, Path(folder), print_line)
        print_line(f"fitted in {monotonic() - began:.0f} s")
        print_outcome(fitted.figures)
        print_line(f"writing {command.out}, whose encoder must give the embeddings of the network")
        bundle = export_personal_bundle(fitted, origin, command.out)
    if fitted.mixed:
        console.print(f"wrote {bundle.path}: channels are mixed for this person, which helped on the trials held out")
    else:
        console.print(
            f"wrote {bundle.path}: mixing channels for this person did not help on the trials held out, so the weights "
            "are as they were and only the confidence is new"
        )
    return 0
