"""`glimpse data`: what a dataset file gives, before anyone trains on it."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from realtime.arguments import HELP
from realtime.errors import BadInput, check_folder_of
from realtime.files.recording import Recording
from realtime.montage import positions
from training.dataset import label_counts, load_dataset, load_splits
from training.dataset_schema import DatasetFile
from training.targets import load_targets

PLAUSIBLE_UV = (0.5, 5000.0)  # sd of raw EEG; volts or counts taken for microvolts lie far outside
SHIPPED = Path(__file__).parent.parent / "datasets"


def main(argv: list[str]) -> int:
    """`glimpse data check FILE`, `graph FILE` or `list`; 0, or 2 with one sentence when the input cannot be used."""
    commands: dict[str, Callable[..., Any]] = {"check": check, "graph": graph, "list": show_list}
    try:
        tyro.extras.subcommand_cli_from_dict(commands, args=argv, prog="glimpse data", config=HELP)
    except BadInput as error:
        print(f"glimpse data: {error}", file=sys.stderr)
        return 2
    return 0


def check(
    file: Annotated[Path, tyro.conf.Positional], /, json_to: Annotated[Path | None, tyro.conf.arg(name="json")] = None
):
    """Read everything a dataset file names and say what is there.

    Args:
        file: The dataset file (YAML).
        json_to: Also write the findings to this JSON file.
    """
    check_folder_of(json_to, "--json")
    dataset = load_dataset(file)
    found = summary(dataset, load_splits(dataset))
    _print(found)
    if json_to is not None:
        json_to.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def graph(
    file: Annotated[Path, tyro.conf.Positional],
    /,
    out: Path,
    kind: str = "wpli",
    k: int = 6,
    run: Path | None = None,
):
    """Draw which sensors are coupled in the training recordings, or what a trained run attends to.

    Args:
        file: The dataset file (YAML).
        out: The picture to write: png, pdf or svg.
        kind: distance, correlation, coherence, imaginary_coherence, plv, pli, wpli, granger or pdc.
        k: Sensors each one listens to, itself included.
        run: Instead of a coupling, draw the mean attention of this run's graph layer over the first training recording.
    """
    from training.graph_command import draw  # loads torch, which checking a file does not need

    check_folder_of(out, "--out")
    draw(load_dataset(file), out, kind, k, run)


def show_list(folder: Annotated[Path, tyro.conf.Positional] = SHIPPED, /):
    """List the dataset files of a folder, and whether their recordings are here.

    Args:
        folder: Where the YAML files are.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: is no folder, and one with dataset files is needed; check the path")
    table = Table("dataset", "labels", "recordings", "file", title=str(folder))
    for path in sorted(folder.glob("*.yaml")):
        try:
            dataset = load_dataset(path)
        except BadInput as error:
            table.add_row("", "", f"not usable: {error}", path.name)
        else:
            table.add_row(dataset.name, _listed(dataset.labels), "here", path.name)
    Console().print(table)


def summary(dataset: DatasetFile, splits: dict[str, list[Recording]]) -> dict[str, Any]:
    """Findings as plain JSON values; seconds, Hz and counts."""
    labels, vectors = load_targets(dataset)
    first = splits["train"][0]
    ch_names = first.ch_names
    placed = np.isfinite(positions(ch_names, first.positions_m)).all(axis=1)
    return {
        "name": dataset.name,
        "labels": list(labels),
        "chance": 1 / len(labels),
        "target_dim": None if vectors is None else vectors.shape[1],
        "window_s": list(dataset.window_s),
        "channels": {
            "matched": [name for name, known in zip(ch_names, placed, strict=True) if known],
            "unmatched": [name for name, known in zip(ch_names, placed, strict=True) if not known],
        },
        "splits": {
            split: {
                "files": len(recordings),
                "trials": label_counts(recordings).total(),
                "events": label_counts(recordings),
            }
            for split, recordings in splits.items()
        },
        "files": [_of_file(split, recording, dataset) for split in splits for recording in splits[split]],
    }


def _of_file(split: str, recording: Recording, dataset: DatasetFile) -> dict[str, Any]:
    start, end = (round(s * recording.sfreq) for s in dataset.window_s)
    holes = [row for row, _ in recording.gaps]
    broken = sum(
        row + start < 0 or row + end > len(recording.samples) or any(row + start < hole < row + end for hole in holes)
        for row, _ in recording.markers
    )
    sd_uv = float(np.median(recording.samples.std(axis=0)))  # of the median channel, drift included
    odd = (
        []
        if PLAUSIBLE_UV[0] < sd_uv < PLAUSIBLE_UV[1]
        else [f"{recording.name}: sd {sd_uv:.3g} uV; are these microvolts?"]
    )
    return {
        "split": split,
        "path": recording.name,
        "sfreq": recording.sfreq,
        "duration_s": recording.duration_s,
        "sd_uv": sd_uv,
        "events": label_counts([recording]),
        "broken_trials": broken,  # their window crosses a gap or an end of the recording
        "gaps": [list(gap) for gap in recording.gaps],
        "warnings": [*recording.warnings, *odd],
    }


def _print(found: dict[str, Any]) -> None:
    console = Console()
    files = Table(
        "split", "file", "Hz", "seconds", "sd µV", "gaps", "trials", "broken", title=f"{found['name']}: recordings"
    )
    for one in found["files"]:
        numbers = (
            f"{one['sfreq']:g}",
            f"{one['duration_s']:.1f}",
            f"{one['sd_uv']:.3g}",
            len(one["gaps"]),
            sum(one["events"].values()),
        )
        files.add_row(one["split"], Path(one["path"]).name, *map(str, numbers), str(one["broken_trials"]))
    events = Table("label", *found["splits"], title="trials")
    for label in found["labels"] if len(found["labels"]) <= 20 else ():
        events.add_row(label, *(str(split["events"].get(label, 0)) for split in found["splits"].values()))
    events.add_row("all", *(str(split["trials"]) for split in found["splits"].values()), style="bold")
    console.print(files, events)
    channels = found["channels"]
    console.print(f"channels on the 10-05 system ({len(channels['matched'])}): {_listed(channels['matched'], 70)}")
    console.print(f"channels without a position ({len(channels['unmatched'])}): {_listed(channels['unmatched'], 70)}")
    console.print(
        f"window {found['window_s'][0]:g} to {found['window_s'][1]:g} s from onset; {len(found['labels'])} labels, "
        f"chance {found['chance']:.3g}"
    )
    for one in found["files"]:
        for warning in one["warnings"]:
            console.print(f"note: {warning}")


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more or "none"
