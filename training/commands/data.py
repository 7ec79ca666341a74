"""`glimpse data`: what a dataset file gives, before anyone trains on it."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from realtime.command_line import TYRO_CONFIG, make_table, shipped_folder, table_console
from realtime.errors import BadInput, check_folder_of
from training.data.dataset import load_dataset, load_splits
from training.data.pictures import open_pictures
from training.data.summary import summarise_dataset, summarise_pictures

SHIPPED = shipped_folder("datasets")


def main(argv: list[str]) -> int:
    """`glimpse data check FILE`, `graph FILE` or `list`; 0, or 2 with one sentence when the input cannot be used."""
    commands: dict[str, Callable[..., Any]] = {"check": check_dataset, "graph": graph_dataset, "list": print_list}
    try:
        tyro.extras.subcommand_cli_from_dict(commands, args=argv, prog="glimpse data", config=TYRO_CONFIG)
    except BadInput as error:
        print(f"glimpse data: {error}", file=sys.stderr)
        return 2
    return 0


def check_dataset(
    file: Annotated[Path, tyro.conf.Positional],
    /,
    json_to: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    read_all: bool = False,
) -> None:
    """Read everything a dataset file names and say what is there.

    Args:
        file: The dataset file (YAML).
        json_to: Also write the findings to this JSON file.
        read_all: Count the trials of every session of a published data set, even of hundreds of gigabytes.
    """
    check_folder_of(json_to, "--json")
    dataset = load_dataset(file)
    if dataset.shows_pictures:
        summary = summarise_pictures(dataset, read_all)
        print_pictures(summary)
    else:
        summary = summarise_dataset(dataset, load_splits(dataset))
        _print(summary)
    if json_to is not None:
        json_to.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def graph_dataset(
    file: Annotated[Path, tyro.conf.Positional],
    /,
    out: Path,
    kind: str = "wpli",
    k: int = 6,
    run: Path | None = None,
) -> None:
    """Draw which sensors are coupled in the training recordings, or what a trained run attends to.

    Args:
        file: The dataset file (YAML).
        out: The picture to write: png, pdf or svg.
        kind: distance, correlation, coherence, imaginary_coherence, plv, pli, wpli, granger or pdc.
        k: Sensors each one listens to, itself included.
        run: Instead of a coupling, draw the mean attention of this run's graph layer over the first training recording.
    """
    from training.commands.data_graph import draw_graph  # loads torch, which checking a file does not need

    check_folder_of(out, "--out")
    draw_graph(load_dataset(file), out, kind, k, run)


def print_list(folder: Annotated[Path, tyro.conf.Positional] = SHIPPED, /) -> None:
    """List the dataset files of a folder, and whether their recordings are here.

    Args:
        folder: Where the YAML files are.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: is no folder, and one with dataset files is needed; check the path")
    table = make_table("dataset", "labels", "recordings", "file")
    for path in sorted(folder.glob("*.yaml")):
        try:
            dataset = load_dataset(path)
            if dataset.shows_pictures:
                open_pictures(dataset)
        except BadInput as error:
            table.add_row("", "", f"not usable: {str(error).removeprefix(f'{path}: ')}", path.name)
        else:
            labels = "the pictures shown" if dataset.shows_pictures else _listed(dataset.labels)
            table.add_row(dataset.name, labels, "here", path.name)
    console = table_console()
    console.print(str(folder))
    console.print(table)


def _print(summary: dict[str, Any]) -> None:
    console = Console()
    files = Table(
        "split", "file", "Hz", "seconds", "sd µV", "gaps", "trials", "broken", title=f"{summary['name']}: recordings"
    )
    for row in summary["files"]:
        numbers = (
            f"{row['sfreq']:g}",
            f"{row['duration_s']:.1f}",
            f"{row['sd_uv']:.3g}",
            len(row["gaps"]),
            sum(row["events"].values()),
        )
        files.add_row(row["split"], Path(row["path"]).name, *map(str, numbers), str(row["broken_trials"]))
    events = Table("label", *summary["splits"], title="trials")
    for label in summary["labels"] if len(summary["labels"]) <= 20 else ():
        events.add_row(label, *(str(split["events"].get(label, 0)) for split in summary["splits"].values()))
    events.add_row("all", *(str(split["trials"]) for split in summary["splits"].values()), style="bold")
    console.print(files, events)
    _print_channels(console, summary)
    for row in summary["files"]:
        for warning in row["warnings"]:
            console.print(f"note: {warning}")


def print_pictures(summary: dict[str, Any]) -> None:
    """Print the summary of `summarise_pictures`: the layout, what is missing and what that costs, the splits."""
    console, source = Console(), summary["source"]
    gigabytes = source["bytes"] / 1e9
    console.print(f"{source['source']} in {source['root']}: {source['layout']}")
    console.print(
        f"{len(source['subjects'])} subjects ({_listed(source['subjects'], 10)}), {source['sessions']} sessions, "
        f"{gigabytes:.3g} GB on disk, {source['memory_bytes'] / 1e9:.2g} GB of memory to read the largest"
    )
    for finding in source["findings"]:
        console.print(f"- {finding['what']}: {finding['cost']}")
    splits = Table("split", "trials", "concepts", "pictures", title=f"{summary['name']}: splits")
    for name, split in summary["splits"].items():
        splits.add_row(name, *(f"{split[key]:,}" for key in ("trials", "concepts", "pictures")))
    splits.add_row("none", f"{source['left_out']:,}", "", "")
    console.print(splits)
    for name in ("valid", "test"):
        if not summary["splits"][name]["trials"] and source["sessions_read"] == source["sessions"]:
            console.print(f"no trial is in {name}: raise splits.{name} or name its concepts, or add subjects")
    if source["sessions_read"] < source["sessions"]:
        console.print(f"counted in {source['sessions_read']} of {source['sessions']} sessions; --read-all reads all")
    rule, days = source["rule"], source["days"]
    if rule["days"] == "separate" and len(days) > 1:
        console.print(
            f"days are separate: valid and test are of day or block {max(days)}, training of the others; "
            "`splits: {days: shared}` uses all days for each, as published figures do"
        )
    elif source["in_time"]:
        console.print(f"days are shared; no training trial is within {rule['margin_s']:g} s of one held out")
    else:
        console.print("days are shared; epochs have no place in time, so neighbours of trials held out may train")
    files = Table("session", "Hz", "seconds", "sd µV", *summary["splits"], title="sessions read")
    for row in summary["files"]:
        numbers = (f"{row['sfreq']:g}", f"{row['duration_s']:.1f}", f"{row['sd_uv']:.3g}")
        files.add_row(Path(row["path"]).name, *numbers, *(f"{n:,}" for n in row["trials"].values()))
    console.print(files)
    _print_channels(console, summary)
    for row in summary["files"]:
        for warning in row["warnings"]:
            console.print(f"note: {warning}")


def _print_channels(console: Console, summary: dict[str, Any]) -> None:
    channels = summary["channels"]
    console.print(f"channels on the 10-05 system ({len(channels['matched'])}): {_listed(channels['matched'], 70)}")
    console.print(f"channels without a position ({len(channels['unmatched'])}): {_listed(channels['unmatched'], 70)}")
    console.print(
        f"window {summary['window_s'][0]:g} to {summary['window_s'][1]:g} s from onset; "
        f"{len(summary['labels'])} labels, chance {summary['chance']:.3g}"
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more or "none"
