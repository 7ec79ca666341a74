"""`glimpse evaluate`: figures of a run or a bundle on a dataset file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput, check_folder_of
from training.data.dataset import load_dataset
from training.evaluate.decode import save_embeddings
from training.evaluate.evaluate import evaluate_seeds
from training.report.page import report_page
from training.report.tables import headline
from training.runs.run import LOG

console = Console(highlight=False)


def losses(path: Path) -> list[float]:
    """Mean training loss of each epoch, none for a bundle."""
    log = path / LOG
    return [json.loads(line)["loss"] for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []


def print_figures(metrics: dict[str, Any], title: str) -> None:
    """Print the figures and chance."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "value", "95 % interval", "chance", *(["over seeds"] if "seeds" in metrics else [])):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for row in headline(metrics):
        table.add_row(*row[: len(table.columns)])
    console.print(table)
    curve = "  ".join(f"{point['since_onset_s']:g} s {point['accuracy']:.2f}" for point in metrics["by_time"])
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
        Annotated[EvaluateCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse evaluate", config=TYRO_CONFIG
    )
    for flag in ("json", "report", "embeddings"):
        check_folder_of(getattr(command, flag), f"--{flag}")
    if not command.paths:
        raise BadInput("PATHS: no run and no bundle is given, one is needed; name its folder first")
    dataset = load_dataset(command.data)
    metrics, decoded = evaluate_seeds(command.paths, dataset, command.split, command.streaming)
    how = "streamed" if command.streaming else "whole recordings"
    what = " ".join(map(str, command.paths))
    print_figures(metrics, f"{what} on {dataset.name}, {command.split}: {metrics['n_trials']} trials, {how}")
    if command.embeddings:
        save_embeddings(decoded, command.embeddings)
    if command.json:
        command.json.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    if command.report:
        command.report.write_text(report_page(metrics, [losses(path) for path in command.paths]), encoding="utf-8")
    return 0
