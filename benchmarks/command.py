"""`glimpse bench`: figures anybody can rerun, each by files of its own."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from realtime.errors import check_folder_of

console = Console(highlight=False)


@dataclass(frozen=True)
class Latency:
    """Sample pushed -> decision at a WebSocket client, on this machine."""

    seconds: float = 60.0
    bundle: Path | None = None  # default: the demo bundle, 64 channels at 250 Hz
    json: Path | None = None  # write the figures here


@dataclass(frozen=True)
class Accuracy:
    """Our networks beside braindecode's and pyRiemann's: same recordings, splits and preprocessing, several seeds.

    Ours decode what was held out as live, hop by hop; peers see whole windows.
    """

    data: tuple[Path, ...] = ()  # dataset files; default: the six real recordings of datasets/
    methods: tuple[str, ...] = ()  # networks of `glimpse train` and peers by name; default: our best and every peer
    seeds: int = 3  # each holds out another recording, where the dataset file names no test files
    epochs: int = 50  # of the peers' networks; ours train as their recipe says
    workers: int = 2  # processes of one thread each
    zero_shot: bool = True  # also retrieval among 200 concepts never trained on, from simulated EEG
    json: Path | None = None  # write the figures here; finished fits go to JSON.fits.jsonl, to go on from if stopped


def main(argv: list[str]) -> int:
    """Run `glimpse bench`."""
    command = tyro.cli(
        Annotated[Latency, tyro.conf.subcommand("latency")] | Annotated[Accuracy, tyro.conf.subcommand("accuracy")],
        args=argv,
        prog="glimpse bench",
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    check_folder_of(command.json, "--json")
    if isinstance(command, Latency):
        from benchmarks.latency import latency

        found = latency(command.seconds, command.bundle)
        console.print_json(json.dumps(found))
        write(found, command.json)
    else:
        bench_accuracy(command)
    return 0


def bench_accuracy(command: Accuracy) -> None:
    """Real recordings, then the zero-shot task; figures are written after each."""
    from benchmarks.accuracy import accuracy
    from benchmarks.accuracy_table import average, table_of, verdict
    from benchmarks.machine import machine

    kept = command.json.with_name(command.json.name + ".fits.jsonl") if command.json else None
    tasks = accuracy(command.data, command.methods, command.seeds, command.epochs, command.workers, kept, console.print)
    averages = {method: average(tasks, method) for method in next(iter(tasks.values()))}
    found: dict[str, Any] = {"tasks": tasks, "average": averages, "machine": machine()}
    write(found, command.json)
    console.print(table_of(tasks))
    for sentence in verdict(tasks):
        console.print(sentence, markup=False)
    if command.zero_shot:
        from benchmarks.zero_shot import zero_shot

        write(found | {"zero_shot": zero_shot()}, command.json)
    if kept:
        kept.unlink(missing_ok=True)  # finished: the next bench measures afresh


def write(found: dict[str, Any], path: Path | None) -> None:
    """Write figures as JSON, where a path is given."""
    if path:
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
