"""A run or a bundle, loaded for evaluation."""

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
from training.evaluate.whole_windows import decode_windows
from training.runs.reopen import description_of_bundle
from training.runs.run import Run

Decode = Callable[[Sequence[Recording], bool], DecodedHops]  # the bool: streaming


@dataclass(frozen=True)
class LoadedModel:
    """A decoder of recordings, with the data that it was trained for and on."""

    path: Path
    network: str  # see `network_label`
    ch_names: list[str]
    sfreq: float  # of the recordings, Hz
    window_s: tuple[float, float]
    labels: tuple[str, ...]
    calibration: Calibration
    trained_on: list[str]  # digests of its training recordings
    recipe: dict[str, Any]  # of its training
    causal: bool  # False: answers once a trial, from the whole window
    decode: Decode

    def check(self, recording: Recording, dataset: DatasetFile, split: str) -> None:
        """Raise BadInput where the model cannot decode a recording of `split`, or was trained on it."""
        check_recording(recording, str(self.path), self.sfreq, self.labels)
        if split != "train" and recordings_digest(recording) in self.trained_on:
            raise BadInput(
                f"{dataset.path}: files.{split} names {recording.name}, which {self.path} was trained on; a figure "
                "on training data is no result, so name another recording"
            )

    def check_seed_of(self, other: "LoadedModel") -> None:
        """Raise BadInput where the model differs from `other` in more than its seed."""
        keys = self.recipe.keys() & other.recipe.keys() - {"seed"}
        values: dict[str, Any] = {key: (self.recipe[key], other.recipe[key]) for key in keys}
        values |= {"labels": (self.labels, other.labels), "window_s": (self.window_s, other.window_s)}
        for key, (own, others) in sorted(values.items()):
            if own != others:
                raise BadInput(
                    f"{self.path}: {key} is {own} and {other.path} has {others}; only runs of one dataset file and one "
                    "recipe are seeds of each other, so evaluate it alone"
                )


def load_model(path: Path) -> LoadedModel:
    """The run or bundle at `path`; raises BadInput where it is neither."""
    decode: Decode
    if (path / MANIFEST).exists():
        decoder = Decoder(Bundle.load(path))
        description, calibration = description_of_bundle(decoder.bundle), decoder.bundle.calibration
        causal, decode = True, partial(decode_bundle, decoder)
    else:
        run = Run.load(path)
        description, calibration = run.description, run.calibration
        causal, decode = run.streaming, partial(decode_run, run)
    return LoadedModel(
        path=path,
        network=network_label(description.network),
        ch_names=description.ch_names,
        sfreq=description.sfreq,
        window_s=(description.window_s[0], description.window_s[1]),
        labels=tuple(description.labels),
        calibration=calibration,
        trained_on=description.data["train"]["digests"],
        recipe=description.recipe,
        causal=causal,
        decode=decode,
    )


def network_label(network: dict[str, Any]) -> str:
    """The name of a network and, in brackets, of its members, each times its weight where weights differ."""
    config = network["config"]
    if "network" in config:
        return f"{network['name']} ({network_label(config['network'])})"
    if "members" not in config:
        return str(network["name"])
    members = [network_label(member) for member in config["members"]]
    if weights := config.get("weights"):
        members = [f"{name} × {weight:.3g}" for name, weight in zip(members, weights, strict=True)]
    return f"{network['name']} ({', '.join(members)})"


def decode_bundle(decoder: Decoder, recordings: Sequence[Recording], streaming: bool = False) -> DecodedHops:
    """Decode by a bundle's ONNX network."""
    factor = decoder.bundle.calibration.bad_channel_factor
    encode = onnx_encoder(decoder)
    return decode_recordings(recordings, decoder.frontend, decoder.bank, encode, streaming, bad_channel_factor=factor)


def decode_run(run: Run, recordings: Sequence[Recording], streaming: bool = False, tracks: int = 1) -> DecodedHops:
    """Decode by a trained run; a network that does not stream answers once a trial, from the whole window."""
    if not run.streaming:
        if streaming:
            raise BadInput(
                f"{run.path}: network {run.description.network['name']!r} sees a whole window at once and cannot "
                "stream; evaluate it without --streaming"
            )
        return decode_windows(run, recordings)
    network, bank = run.load_trained()
    encode, factor = torch_encoder(network, streaming), run.calibration.bad_channel_factor
    return decode_recordings(
        recordings, run.make_frontend(), bank, encode, streaming, tracks=tracks, bad_channel_factor=factor
    )
