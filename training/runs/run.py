"""A run: the folder `glimpse train` fills and `evaluate` and `export` read.

run.json says what the network is and was trained on; checkpoint.pt holds weights and everything needed to go on
exactly; log.jsonl has a line per epoch; bad_batch.pt is what stopped training, if something did.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from decoder.layers.encoder import Network
from decoder.networks import NETWORKS, build_network
from realtime.bundle.bank import Bank
from realtime.bundle.bundle import sha256
from realtime.bundle.calibration import Calibration
from realtime.decoding.frontend import Frontend
from realtime.errors import BadInput, check_schema_version
from realtime.preprocess.chain import Preprocess
from realtime.preprocess.config import PreprocessConfig
from training.runs.description import SCHEMA_VERSION, RunDescription

DESCRIPTION, CHECKPOINT, LOG, BAD_BATCH = "run.json", "checkpoint.pt", "log.jsonl", "bad_batch.pt"


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
            fields = json.loads(file.read_text(encoding="utf-8"))
            check_schema_version(
                fields.get("schema_version") if isinstance(fields, dict) else None, SCHEMA_VERSION, str(file)
            )
            return cls(path, RunDescription(**fields))
        except BadInput:
            raise
        except (ValueError, TypeError) as error:
            raise BadInput(f"{file}: not the description of a run ({error}); train again with another --out") from None

    def save(self) -> None:
        """Write run.json."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path / DESCRIPTION, json.dumps(asdict(self.description), indent=1).encode() + b"\n")

    @property
    def preprocess(self) -> PreprocessConfig:
        """Preprocessing as trained."""
        fields = dict(self.description.preprocess)
        if not isinstance(fields["reference"], str):
            fields["reference"] = tuple(fields["reference"])
        return PreprocessConfig(**fields)

    def make_frontend(self) -> Frontend:
        """Repair, preprocessing and hop cutter, the same object that runs live."""
        d = self.description
        preprocess = Preprocess(self.preprocess, tuple(d.ch_names), d.sfreq)
        return Frontend(preprocess, d.hop_samples, d.window_s[1], np.array(d.positions_m, float))

    def build(self) -> Network:
        """The network with fresh weights; BadInput for a config that does not fit it."""
        name = self.description.network["name"]
        try:
            return build_network(name, **self.description.network["config"])
        except (
            ValueError,
            TypeError,
            RuntimeError,
            ArithmeticError,
        ) as error:  # of torch too, for a size of 0 or "big"
            reason = " ".join(str(error).removeprefix(f"{name}: ").split())
            raise BadInput(f"network {name}: {reason}; change its options or choose another --network") from error

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

    def resume(self) -> dict[str, Any] | None:
        """The checkpoint to continue from; None for a new run, whose description is written.

        BadInput where the folder holds another run.
        """
        checkpoint = self.checkpoint()
        if checkpoint is None:
            self.save()
        elif differs := Run.load(self.path).description.differs(self.description):
            raise BadInput(
                f"{self.path}: holds a run whose {', '.join(differs)} differ from the requested one's; choose another "
                "--out or remove it"
            )
        return checkpoint

    def checkpoint(self) -> dict[str, Any] | None:
        """The newest checkpoint, or None; tensors and plain values only. BadInput for a file that is none."""
        file = self.path / CHECKPOINT
        try:
            return torch.load(file, map_location="cpu", weights_only=True) if file.is_file() else None
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise BadInput(f"{file}: is damaged or no checkpoint of Glimpse; train again with another --out") from error

    def save_checkpoint(self, values: dict[str, Any]) -> None:
        """Write the checkpoint; a crash leaves the previous one whole."""
        partial = self.path / f".{CHECKPOINT}.partial"
        torch.save(values, partial)
        os.replace(partial, self.path / CHECKPOINT)

    def load_trained(self) -> tuple[Network, Bank]:
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


def write_atomic(path: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(data)
    os.replace(partial, path)
