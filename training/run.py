"""A run: the folder `glimpse train` fills and `evaluate` and `export` read.

run.json says what the network is and was trained on; checkpoint.pt holds weights and everything needed to go on
exactly; log.jsonl has a line per epoch; bad_batch.pt is what stopped training, if something did.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from decoder.networks import NETWORKS, build
from decoder.streaming import Streaming
from realtime.bank import Bank
from realtime.bundle import sha256
from realtime.errors import BadInput
from realtime.evidence import Calibration
from realtime.hops import Front
from realtime.preprocess import Preprocess, PreprocessConfig

# What a run's description and the manifest of its bundle say in the same words, at the top and under `training`.
SHARED = "name network ch_names rename positions_m sfreq hop_samples window_s events targets".split()
SHARED_TRAINING = ("recipe", "data", "made_from", "simulate")
DESCRIPTION, CHECKPOINT, LOG, BAD_BATCH = "run.json", "checkpoint.pt", "log.jsonl", "bad_batch.pt"


@dataclass(frozen=True)
class RunDescription:
    """Everything about a run but its weights, as JSON holds it."""

    name: str  # of the dataset file
    network: dict[str, Any]  # {"name", "config"}
    ch_names: list[str]
    positions_m: list[list[float | None]]
    sfreq: float  # of the recordings, Hz
    hop_samples: int
    window_s: list[float]
    preprocess: dict[str, Any]
    events: dict[str, str]
    targets: str  # labels, text or images
    labels: list[str]  # of the bank, in the order of its vectors
    recipe: dict[str, Any]
    data: dict[str, Any]  # split -> files, trials per label, digests of what was read
    calibration: dict[str, Any] | None = None  # fields of Calibration; None until training has ended
    rename: dict[str, str] = field(default_factory=dict)  # name in the recordings -> name in ch_names
    simulate: dict[str, Any] = field(default_factory=dict)  # what the simulated amplifier played, if it did
    pair: dict[str, Any] = field(default_factory=dict)  # description of the second modality, if there are two
    made_from: dict[str, str] = field(default_factory=dict)  # teacher, start_from -> sha256 of their checkpoints

    def differs(self, other: "RunDescription") -> list[str]:
        """Fields in which two runs differ, but for what comes after training."""
        mine, yours = (json.loads(json.dumps(asdict(one))) for one in (self, other))
        return [key for key in mine if mine[key] != yours[key] and key != "calibration"]


class Run:
    """A finished or unfinished run in `path`."""

    def __init__(self, path: Path, description: RunDescription):
        self.path, self.description = path, description

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a run's description; BadInput if `path` holds none."""
        file = path / DESCRIPTION
        if not file.is_file():
            raise BadInput(f"{file}: no such file, so {path} is not a run; make one with `glimpse train --out {path}`")
        try:
            return cls(path, RunDescription(**json.loads(file.read_text())))
        except (ValueError, TypeError) as error:
            raise BadInput(f"{file}: not the description of a run ({error}); train again with another --out") from None

    def save(self) -> None:
        """Write run.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        _replace(self.path / DESCRIPTION, json.dumps(asdict(self.description), indent=1).encode() + b"\n")

    @property
    def preprocess(self) -> PreprocessConfig:
        """Preprocessing as trained."""
        fields = dict(self.description.preprocess)
        if not isinstance(fields["reference"], str):
            fields["reference"] = tuple(fields["reference"])
        return PreprocessConfig(**fields)

    def front(self) -> Front:
        """Repair, preprocessing and hop cutter, the same object that runs live."""
        d = self.description
        preprocess = Preprocess(self.preprocess, tuple(d.ch_names), d.sfreq)
        return Front(preprocess, d.hop_samples, d.window_s[1], np.array(d.positions_m, float))

    def build(self) -> Streaming:
        """The network with fresh weights; BadInput for a config that it does not take."""
        name = self.description.network["name"]
        try:
            return build(name, **self.description.network["config"])
        except (
            ValueError,
            TypeError,
            RuntimeError,
            ArithmeticError,
        ) as error:  # of torch too, for a size of 0 or "big"
            reason = " ".join(str(error).removeprefix(f"{name}: ").split())
            raise BadInput(f"network {name}: {reason}; change its options or take another --network") from error

    @property
    def streaming(self) -> bool:
        """Whether the network decodes hop by hop; one that does not needs whole windows."""
        return NETWORKS[self.description.network["name"]].streaming

    @property
    def digest(self) -> str:
        """sha256 of the checkpoint: which weights these are."""
        if not (self.path / CHECKPOINT).is_file():
            raise BadInput(f"{self.path / CHECKPOINT}: no such file, so the run has no weights; finish `glimpse train`")
        return sha256(self.path / CHECKPOINT)

    @property
    def calibration(self) -> Calibration:
        """The fitted confidence, the neutral one before the end of training."""
        fields = self.description.calibration or {}
        return Calibration(**fields | {"bad_cost": tuple(fields.get("bad_cost", ()))})

    @property
    def finished(self) -> bool:
        """Whether training has ended; fitting the confidence is its last step."""
        return self.description.calibration is not None and (self.path / CHECKPOINT).is_file()

    def checkpoint(self) -> dict[str, Any] | None:
        """The newest checkpoint, or None; tensors and plain values only. BadInput for a file that is none."""
        file = self.path / CHECKPOINT
        try:
            return torch.load(file, map_location="cpu", weights_only=True) if file.is_file() else None
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise BadInput(f"{file}: is damaged or no checkpoint of Glimpse; train again with another --out") from error

    def save_checkpoint(self, values: dict[str, Any]) -> None:
        """Write the checkpoint; a crash leaves the previous one whole."""
        part = self.path / f".{CHECKPOINT}.part"
        torch.save(values, part)
        os.replace(part, self.path / CHECKPOINT)

    def trained(self) -> tuple[Streaming, Bank]:
        """The network with its trained weights, in evaluation mode, and the bank of label vectors."""
        if self.description.pair:
            raise BadInput(
                f"{self.path}: decodes two modalities at once, and this takes one; name {self.path / 'first'} or "
                f"{self.path / 'second'}"
            )
        saved = self.checkpoint()
        if saved is None:
            raise BadInput(f"{self.path / CHECKPOINT}: no such file, so the run has no weights; finish `glimpse train`")
        network = self.build()
        try:
            network.load_state_dict(saved["network"])
        except RuntimeError as error:
            raise BadInput(
                f"{self.path / CHECKPOINT}: does not fit network {self.description.network['name']} as it is now, so "
                "another version of Glimpse trained it; use that version or train again with another --out"
            ) from error
        vectors: np.ndarray = saved["objective"]["prototypes"].numpy()
        return network.eval(), Bank(tuple(self.description.labels), vectors)


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)
