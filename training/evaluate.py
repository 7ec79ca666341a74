"""`glimpse evaluate`: figures of a run or a bundle on one split of a dataset file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from realtime.bundle import MANIFEST, Bundle
from realtime.decoder import Decoder
from realtime.errors import BadInput, check_folder_of
from training.dataset import digest, load_dataset, load_split
from training.dataset_schema import DatasetFile
from training.decode import Decoded, decode, onnx_encoder, save_embeddings, torch_encoder
from training.metrics import figures
from training.run import Run

console = Console(highlight=False)


def evaluate(path: Path, dataset: DatasetFile, split: str, streaming: bool) -> tuple[dict[str, Any], Decoded]:
    """The figures of the run or bundle at `path`, and every decoded hop behind them."""
    if (path / MANIFEST).exists():
        bundle = Bundle.load(path)
        decoder = Decoder(bundle)
        front, bank, encode = decoder.front, decoder.bank, onnx_encoder(decoder)
        calibration, window_s, ch_names = bundle.calibration, bundle.manifest.window_s, bundle.manifest.ch_names
        data = bundle.manifest.training["data"]
    else:
        run = Run.load(path)
        network, bank = run.trained()
        front, encode = run.front(), torch_encoder(network, streaming)
        calibration = run.calibration
        window_s, ch_names, data = run.description.window_s, run.description.ch_names, run.description.data
    recordings = load_split(dataset, split, ch_names)
    if not recordings:
        raise BadInput(f"{dataset.path}: files.{split} is empty; name a recording there or choose another --split")
    for recording in recordings:
        if recording.sfreq != front.preprocess.sfreq_in:
            raise BadInput(
                f"{recording.name}: runs at {recording.sfreq:g} Hz, {path} decodes {front.preprocess.sfreq_in:g} Hz; "
                "evaluate on recordings of that rate"
            )
        if split != "train" and digest(recording) in data["train"]["digests"]:
            raise BadInput(
                f"{dataset.path}: files.{split} names {recording.name}, which {path} was trained on; what was "
                "learned by heart is no result, so name another recording"
            )
        if unknown := sorted({label for _, label in recording.markers} - set(bank.names)):
            raise BadInput(
                f"{recording.name}: has label {unknown[0]!r}, which {path} does not know; correct events in "
                f"{dataset.path} or train with that label"
            )
    decoded = decode(recordings, front, bank, encode, streaming)
    if not ((decoded.trial >= 0) & (decoded.since_onset_s >= window_s[0])).any():
        raise BadInput(f"{dataset.path}: files.{split} has no decision inside window_s of any trial; check events")
    p = decoded.p(calibration, window_s[1])
    found = figures(p, decoded.since_onset_s, decoded.trial, decoded.label, (window_s[0], window_s[1]))
    return {**found, "split": split, "streaming": streaming}, decoded


def show(found: dict[str, Any], title: str) -> None:
    """Print the figures beside chance."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "value", "95 % interval", "chance"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    low, high = found["ci95"]
    table.add_row("accuracy", f"{found['accuracy']:.3f}", f"{low:.3f} to {high:.3f}", f"{found['chance']:.3f}")
    table.add_row("of always naming the commonest label", f"{found['majority']:.3f}", "", "")
    table.add_row("balanced accuracy", f"{found['balanced_accuracy']:.3f}", "", f"{found['chance']:.3f}")
    if "auc" in found:
        low, high = found["auc_ci95"]
        table.add_row("AUC", f"{found['auc']:.3f}", f"{low:.3f} to {high:.3f}", "0.500")
    else:
        table.add_row("top-5", f"{found['top5']:.3f}", "", f"{found['chance_top5']:.3f}")
    fitted = " (fitted on this split)" if found["split"] == "valid" else ""
    table.add_row(f"calibration error{fitted}", f"{found['calibration_error']:.3f}", "", "")
    console.print(table)
    curve = "  ".join(f"{point['since_onset_s']:g} s {point['accuracy']:.2f}" for point in found["by_time"])
    console.print(f"accuracy since onset: {curve}")


@dataclass(frozen=True)
class EvaluateCommand:
    """Accuracy, intervals and chance of a run or a bundle on one split."""

    path: tyro.conf.Positional[Path]  # run folder or bundle
    data: Path  # dataset file
    split: Literal["train", "valid", "test"] = "valid"
    streaming: bool = False  # chunk by chunk and hop by hop, as live
    json: Path | None = None  # write the figures here
    embeddings: Path | None = None  # write every hop's embedding here (npz)


def main(argv: list[str]) -> int:
    """Run `glimpse evaluate`."""
    command = tyro.cli(Annotated[EvaluateCommand, tyro.conf.arg(name="")], args=argv, prog="glimpse evaluate")
    check_folder_of(command.json, "--json")
    check_folder_of(command.embeddings, "--embeddings")
    dataset = load_dataset(command.data)
    found, decoded = evaluate(command.path, dataset, command.split, command.streaming)
    how = "streamed" if command.streaming else "whole recordings"
    show(found, f"{command.path} on {dataset.name}, {command.split}: {found['n_trials']} trials, {how}")
    if command.embeddings:
        save_embeddings(decoded, command.embeddings)
    if command.json:
        command.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
