"""`glimpse evaluate`: figures of a run or a bundle on one split of a dataset file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from realtime.arguments import HELP
from realtime.errors import BadInput, check_folder_of
from training.dataset import load_dataset, load_split
from training.dataset_schema import DatasetFile
from training.decider import Decider, opened
from training.decode import Decoded, save_embeddings
from training.metrics import all_figures
from training.report import report
from training.report_tables import headline
from training.run import LOG
from training.seeds import combine

console = Console(highlight=False)


def evaluate(path: Path, dataset: DatasetFile, split: str, streaming: bool) -> tuple[dict[str, Any], Decoded]:
    """The figures of the run or bundle at `path`, and every decoded hop behind them."""
    return measure(opened(path), dataset, split, streaming)


def measure(decider: Decider, dataset: DatasetFile, split: str, streaming: bool) -> tuple[dict[str, Any], Decoded]:
    """The figures of an opened run or bundle, and every decoded hop behind them."""
    recordings = load_split(dataset, split, decider.ch_names)
    if not recordings:
        raise BadInput(f"{dataset.path}: files.{split} is empty; name a recording there or choose another --split")
    for recording in recordings:
        decider.check(recording, dataset, split)
    decoded = decider.decode(recordings, streaming)
    if not ((decoded.trial >= 0) & (decoded.since_onset_s >= decider.window_s[0])).any():
        raise BadInput(f"{dataset.path}: files.{split} has no decision inside window_s of any trial; check events")
    found = all_figures(decoded, decider.calibration, decider.window_s, decider.labels)
    found |= {"split": split, "streaming": streaming, "dataset": dataset.name, "path": str(decider.path)}
    found |= {"calibration_trials": decider.calibration.n_trials, "window_s": list(decider.window_s)}
    found |= {"causal": decider.causal, "network": decider.network}
    return found, decoded


def evaluate_seeds(
    paths: Sequence[Path], dataset: DatasetFile, split: str, streaming: bool
) -> tuple[dict[str, Any], Decoded]:
    """The figures of several runs that differ in their seed, as one, and every hop the first decoded."""
    deciders = [opened(path) for path in paths]
    for decider in deciders[1:]:
        decider.check_seed_of(deciders[0])
    (first, decoded), *others = [measure(decider, dataset, split, streaming) for decider in deciders]
    if not others:
        return first, decoded
    seen = [(paths[0], decoded.inner)]
    for path, (_, other) in zip(paths[1:], others, strict=True):
        for same, inner in seen:
            if np.allclose(inner, other.inner, atol=1e-4):
                raise BadInput(
                    f"{path}: decides exactly as {same}, so it says nothing about seeds; give a run of another --seed"
                )
        seen.append((path, other.inner))
    return combine([first, *(found for found, _ in others)]), decoded


def losses(path: Path) -> list[float]:
    """Mean training loss of each epoch, none for a bundle."""
    log = path / LOG
    return [json.loads(line)["loss"] for line in log.read_text().splitlines()] if log.is_file() else []


def show(found: dict[str, Any], title: str) -> None:
    """Print the figures beside chance."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "value", "95 % interval", "chance", *(["over seeds"] if "seeds" in found else [])):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for row in headline(found):
        table.add_row(*row[: len(table.columns)])
    console.print(table)
    curve = "  ".join(f"{point['since_onset_s']:g} s {point['accuracy']:.2f}" for point in found["by_time"])
    console.print(f"accuracy since onset: {curve}")


@dataclass(frozen=True)
class EvaluateCommand:
    """Figures of a run or a bundle on one split; of several runs, also their spread over seeds."""

    paths: tyro.conf.Positional[tuple[Path, ...]]  # run folder or bundle; several: runs that differ in their seed
    data: Path  # dataset file (YAML) that names the recordings
    split: Literal["train", "valid", "test"] = "valid"  # which of its recordings
    streaming: bool = False  # decode chunk by chunk and hop by hop, as live
    json: Path | None = None  # write the figures here
    report: Path | None = None  # write a page with pictures of them here (html)
    embeddings: Path | None = None  # write every hop's embedding here (npz), of the first where several are given


def main(argv: list[str]) -> int:
    """Run `glimpse evaluate`."""
    command = tyro.cli(
        Annotated[EvaluateCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse evaluate", config=HELP
    )
    for flag in ("json", "report", "embeddings"):
        check_folder_of(getattr(command, flag), f"--{flag}")
    if not command.paths:
        raise BadInput("PATHS: no run and no bundle is given, one is needed; name its folder first")
    dataset = load_dataset(command.data)
    found, decoded = evaluate_seeds(command.paths, dataset, command.split, command.streaming)
    how = "streamed" if command.streaming else "whole recordings"
    what = " ".join(map(str, command.paths))
    show(found, f"{what} on {dataset.name}, {command.split}: {found['n_trials']} trials, {how}")
    if command.embeddings:
        save_embeddings(decoded, command.embeddings)
    if command.json:
        command.json.write_text(json.dumps(found, indent=1) + "\n")
    if command.report:
        command.report.write_text(report(found, [losses(path) for path in command.paths]), encoding="utf-8")
    return 0
