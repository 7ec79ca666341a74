"""`glimpse calibrate`: a bundle becomes a bundle for one person, from a recording or a live session of minutes."""

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from realtime.bundle.bundle import Bundle
from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput
from realtime.recordings.read_npz import SCHEMA_VERSION
from realtime.recordings.recording import Recording
from training.calibration.live_session import record_session
from training.calibration.person import AFTER, BEFORE, CONFIDENCE, PersonFit, fit_to_person
from training.data.dataset import load_dataset, load_split
from training.export.bundle import check_out, export_bundle
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
    markers: str | None = None  # name of its marker stream; left out: every one in sight, with none the cues show here


def calibration_recordings(command: CalibrateCommand, run: Run) -> list[Recording]:
    """The calibration recordings, channels in the run's order and labels for markers."""
    d = run.description
    if command.data:
        recordings = load_split(load_dataset(command.data), "train", d.ch_names)
        if not recordings:
            raise BadInput(f"{command.data}: files.train is empty; name the recordings to calibrate on there")
        return recordings
    assert command.stream is not None
    recording = record_session(d, command.stream, command.markers, command.seconds, print_line)
    kept = unused_path(command.out.with_name(f"{command.out.name}-session.npz"))
    save_live_recording(recording, kept)
    console.print(f"recorded {recording.duration_s:.0f} s and {len(recording.markers)} trials, kept in {kept}")
    return [recording]


def unused_path(path: Path) -> Path:
    """`path`, or the first of path-2, path-3 ... that does not exist: no session is written over."""
    found, k = path, 2
    while found.exists():
        found, k = path.with_stem(f"{path.stem}-{k}"), k + 1
    return found


def save_live_recording(recording: Recording, path: Path) -> None:
    """A session as an npz that a dataset file can name, so that no person has to sit through it twice.

    Lost samples are held at the last value, which keeps the markers where they were.
    """
    lost_before = np.zeros(len(recording.samples), int)
    for row, lost in recording.gaps:
        lost_before[row:] += lost
    at = np.arange(len(recording.samples)) + lost_before
    filled = np.searchsorted(at, np.arange(at[-1] + 1), side="right") - 1
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")  # under its own name once it is whole
    np.savez(
        part,
        schema_version=SCHEMA_VERSION,
        samples=recording.samples[filled],
        sfreq=recording.sfreq,
        ch_names=recording.ch_names,
        markers=[(str(at[row]), label) for row, label in recording.markers],
    )
    part.rename(path)


def print_line(sentence: str) -> None:
    """Print one line as it is: a minute of silence looks like a program that hangs."""
    console.print(sentence, markup=False, soft_wrap=True)


def print_outcome(found: dict[str, dict[str, Any]]) -> None:
    """Print before and after."""
    n, chance = found[BEFORE]["n_trials"], found[BEFORE]["chance"]
    table = Table(title=f"{n} trials held out, chance {chance:.3f}", title_justify="left")
    for column in ("", "accuracy", "95 %", "AUC", "log loss", "ECE"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name in (BEFORE, CONFIDENCE, AFTER):
        one = found[name]
        numbers = [one[key] for key in ("accuracy", "auc", "log_loss", "calibration_error")]
        accuracy, *others = ["-" if number is None else f"{number:.3f}" for number in numbers]
        table.add_row(name, accuracy, "{:.2f} to {:.2f}".format(*one["ci95"]), *others)
    console.print(table)


def write_outcome(fitted: PersonFit, origin: dict[str, str], out: Path) -> Bundle:
    """The bundle, whose manifest and card say from what it was made, for whom, and what it was worth."""
    d = fitted.run.description
    trials = sum(d.data["calibration"]["trials"].values())
    kind, found = next(iter(origin.items()))
    note = (
        f"Fitted to the person of {', '.join(d.data['calibration']['files'])} ({trials} trials), from {kind} {d.name} "
        f"{found}; " + ("channels mixed anew." if fitted.mixed else "weights as they were, confidence alone is new.")
    )
    run = Run(fitted.run.path, replace(d, made_from=d.made_from | origin))
    names = (BEFORE, AFTER if fitted.mixed else CONFIDENCE)
    return export_bundle(run, out, {name: fitted.figures[name] for name in names}, note)


def main(argv: list[str]) -> int:
    """Run `glimpse calibrate`."""
    command = tyro.cli(
        Annotated[CalibrateCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse calibrate", config=TYRO_CONFIG
    )
    if (command.data is None) == (command.stream is None):
        found = "neither" if command.data is None else "both"
        raise BadInput(f"{found} found, one of --data and --stream is needed; name a dataset file or a live stream")
    if not MIN_LIVE_S <= command.seconds < math.inf:
        raise BadInput(f"--seconds: {command.seconds:g} found, at least {MIN_LIVE_S:g} is needed; give more")
    if command.out.resolve() == command.path.resolve():
        raise BadInput(f"--out: {command.out} is what is calibrated and is kept as it is; name another folder")
    check_out(command.out)
    with tempfile.TemporaryDirectory() as folder:
        print_line(f"opening {command.path}")
        run, origin = reopen_bundle(command.path, Path(folder) / "opened")
        recordings = calibration_recordings(command, run)
        began = monotonic()
        fitted = fit_to_person(run, recordings, Path(folder), print_line)
        print_line(f"fitted in {monotonic() - began:.0f} s")
        print_outcome(fitted.figures)
        print_line(f"writing {command.out}, whose encoder must answer as the network does")
        bundle = write_outcome(fitted, origin, command.out)
    if fitted.mixed:
        console.print(f"wrote {bundle.path}: channels are mixed for this person, which helped on the trials held out")
    else:
        console.print(
            f"wrote {bundle.path}: mixing channels for this person did not help on the trials held out, so the weights "
            "are as they were and only the confidence is new"
        )
    return 0
