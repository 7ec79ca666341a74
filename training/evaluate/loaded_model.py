"""A run or a bundle, opened for evaluation: what it decodes, and how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from realtime.bundle.bundle import MANIFEST, Bundle
from realtime.bundle.calibration import Calibration
from realtime.bundle.compatibility import check_recording
from realtime.decoding.decoder import Decoder
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.checks import recordings_digest
from training.data.schema import DatasetFile
from training.evaluate.decode import DecodedHops, decode_recordings
from training.evaluate.encoders import onnx_encoder, torch_encoder
from training.evaluate.whole_windows import window_decode
from training.runs.reopen import description_of_bundle
from training.runs.run import Run


@dataclass(frozen=True)
class LoadedModel:
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
    decode: Callable[[Sequence[Recording], bool], DecodedHops]  # the bool: streaming

    def check(self, recording: Recording, dataset: DatasetFile, split: str) -> None:
        """BadInput where it cannot decode a recording of `split`, or learned from it."""
        check_recording(recording, str(self.path), self.sfreq, self.labels)
        if split != "train" and recordings_digest(recording) in self.trained_on:
            raise BadInput(
                f"{dataset.path}: files.{split} names {recording.name}, which {self.path} was trained on; what was "
                "learned by heart is no result, so name another recording"
            )

    def check_seed_of(self, other: "LoadedModel") -> None:
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


def load_model(path: Path) -> LoadedModel:
    """The run or bundle at `path`."""
    by: Callable[[Sequence[Recording], bool], DecodedHops]
    if (path / MANIFEST).exists():
        decoder = Decoder(Bundle.load(path))
        d, calibration, causal, by = (
            description_of_bundle(decoder.bundle),
            decoder.bundle.calibration,
            True,
            decode_bundle(decoder),
        )
    else:
        run = Run.load(path)
        d, calibration, causal, by = run.description, run.calibration, run.streaming, partial(decode_run, run)
    return LoadedModel(
        path,
        network_label(d.network),
        d.ch_names,
        d.sfreq,
        (d.window_s[0], d.window_s[1]),
        tuple(d.labels),
        calibration,
        d.data["train"]["digests"],
        d.recipe,
        causal,
        by,
    )


def network_label(network: dict[str, Any]) -> str:
    """The name of a network and, in brackets, of those inside it, each times its weight where weights differ."""
    config = network["config"]
    if "network" in config:
        return f"{network['name']} ({network_label(config['network'])})"
    if "members" not in config:
        return str(network["name"])
    inside = [network_label(member) for member in config["members"]]
    if weights := config.get("weights"):
        inside = [f"{name} × {weight:.3g}" for name, weight in zip(inside, weights, strict=True)]
    return f"{network['name']} ({', '.join(inside)})"


def decode_bundle(decoder: Decoder) -> Callable[[Sequence[Recording], bool], DecodedHops]:
    """What decodes by a bundle's ONNX encoder."""
    encoder, trust = onnx_encoder(decoder), decoder.bundle.calibration.bad_channel_factor
    return lambda recordings, streaming: decode_recordings(
        recordings, decoder.front, decoder.bank, encoder, streaming, trust=trust
    )


def decode_run(run: Run, recordings: Sequence[Recording], streaming: bool = False, tracks: int = 1) -> DecodedHops:
    """Decode by a trained run; a network that does not stream sees each trial's whole window and answers once."""
    if run.streaming:
        network, bank = run.load_trained()
        encode = torch_encoder(network, streaming)
        return decode_recordings(
            recordings,
            run.make_frontend(),
            bank,
            encode,
            streaming,
            tracks=tracks,
            trust=run.calibration.bad_channel_factor,
        )
    if streaming:
        raise BadInput(
            f"{run.path}: network {run.description.network['name']!r} sees a whole window at once and cannot stream; "
            "evaluate it without --streaming"
        )
    return window_decode(run, recordings)
