"""A run or a bundle, opened for evaluation: what it decodes, and how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from realtime.bundle import MANIFEST, Bundle
from realtime.decoder import Decoder
from realtime.errors import BadInput
from realtime.evidence import Calibration
from realtime.files.recording import Recording
from training.dataset import digest
from training.dataset_schema import DatasetFile
from training.decode import Decoded, decode, onnx_encoder, torch_encoder
from training.run import Run
from training.teacher import window_decode


@dataclass(frozen=True)
class Decider:
    """What turns recordings into decisions, and what it was made for."""

    path: Path
    network: str  # its name, and the members' of one made of several: see `named`
    ch_names: list[str]
    sfreq: float  # of the recordings, Hz
    window_s: tuple[float, float]
    labels: tuple[str, ...]
    calibration: Calibration
    trained_on: list[str]  # digests of recordings
    recipe: dict[str, Any]  # it was trained by
    causal: bool  # False: sees a trial's whole window before it answers
    decode: Callable[[Sequence[Recording], bool], Decoded]  # the bool: streaming

    def check(self, recording: Recording, dataset: DatasetFile, split: str) -> None:
        """BadInput where it cannot decode a recording of `split`, or learned from it."""
        if recording.sfreq != self.sfreq:
            raise BadInput(
                f"{recording.name}: runs at {recording.sfreq:g} Hz, {self.path} decodes {self.sfreq:g} Hz; evaluate "
                "on recordings of that rate"
            )
        if split != "train" and digest(recording) in self.trained_on:
            raise BadInput(
                f"{dataset.path}: files.{split} names {recording.name}, which {self.path} was trained on; what was "
                "learned by heart is no result, so name another recording"
            )
        if unknown := sorted({label for _, label in recording.markers} - set(self.labels)):
            raise BadInput(
                f"{recording.name}: has label {unknown[0]!r}, which {self.path} does not know; correct events in "
                f"{dataset.path} or train with that label"
            )

    def check_seed_of(self, other: "Decider") -> None:
        """BadInput where it differs from `other` in more than its seed."""
        mine, yours = self.recipe, other.recipe
        found: dict[str, Any] = {key: (mine[key], yours[key]) for key in mine.keys() & yours.keys() - {"seed"}}
        found |= {"labels": (self.labels, other.labels), "window_s": (self.window_s, other.window_s)}
        for key, (here, there) in sorted(found.items()):
            if here != there:
                raise BadInput(
                    f"{self.path}: {key} is {here} and {other.path} has {there}; only runs of one dataset file and one "
                    "recipe are seeds of each other, so evaluate it alone"
                )


def opened(path: Path) -> Decider:
    """The run or bundle at `path`."""
    if (path / MANIFEST).exists():
        bundle = Bundle.load(path)
        manifest, decoder = bundle.manifest, Decoder(bundle)

        def by_bundle(recordings: Sequence[Recording], streaming: bool) -> Decoded:
            return decode(recordings, decoder.front, decoder.bank, onnx_encoder(decoder), streaming)

        return Decider(
            path,
            named(manifest.network),
            manifest.ch_names,
            manifest.sfreq,
            (manifest.window_s[0], manifest.window_s[1]),
            bundle.bank.names,
            bundle.calibration,
            manifest.training["data"]["train"]["digests"],
            manifest.training["recipe"],
            True,
            by_bundle,
        )
    run = Run.load(path)
    d = run.description
    return Decider(
        path,
        named(d.network),
        d.ch_names,
        d.sfreq,
        (d.window_s[0], d.window_s[1]),
        tuple(d.labels),
        run.calibration,
        d.data["train"]["digests"],
        d.recipe,
        run.streaming,
        partial(decode_run, run),
    )


def named(network: dict[str, Any]) -> str:
    """The name of a network and, in brackets, of those inside it, each times its weight where weights differ."""
    config = network["config"]
    if "network" in config:
        return f"{network['name']} ({named(config['network'])})"
    if "members" not in config:
        return str(network["name"])
    inside = [named(member) for member in config["members"]]
    if weights := config.get("weights"):
        inside = [f"{name} × {weight:.3g}" for name, weight in zip(inside, weights, strict=True)]
    return f"{network['name']} ({', '.join(inside)})"


def decode_run(run: Run, recordings: Sequence[Recording], streaming: bool = False, tracks: int = 1) -> Decoded:
    """Decode by a trained run; a network that does not stream sees each trial's whole window and answers once."""
    if run.streaming:
        network, bank = run.trained()
        return decode(recordings, run.front(), bank, torch_encoder(network, streaming), streaming, tracks=tracks)
    if streaming:
        raise BadInput(
            f"{run.path}: network {run.description.network['name']!r} sees a whole window at once and cannot stream; "
            "evaluate it without --streaming"
        )
    return window_decode(run, recordings)
