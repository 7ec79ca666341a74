"""The bundle: one folder with everything needed to decode, the only handshake between training and serving.

Reading one checks the schema and every hash, unpickles nothing, and says in one sentence what is wrong.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.bank import LABELS, VECTORS, Bank
from realtime.errors import BadInput
from realtime.evidence import Calibration
from realtime.preprocess import PreprocessConfig

SCHEMA_VERSION = 1
ENCODER, CARD, MANIFEST = "encoder.onnx", "card.md", "manifest.json"
WEIGHTS = "weights.safetensors"  # of `network`, by name: what a calibration begins from; nothing live reads it


class Manifest(BaseModel):
    """What `manifest.json` holds."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    note: str = ""  # one line for people: what the labels' space is and is not
    network: dict[str, Any]  # {"name": ..., "config": {...}}: enough to build it again
    states: list[str]  # the encoder's state names
    ch_names: list[str]
    rename: dict[str, str] = {}  # what the amplifier calls a channel -> its name above, from the dataset file
    positions_m: list[list[float | None]]  # x, y, z per channel in metres, null where unknown
    sfreq: float  # rate of the stream, Hz
    hop_samples: int  # at preprocess.sfreq
    window_s: list[float] = Field(min_length=2, max_length=2)  # from and to, seconds since onset
    preprocess: PreprocessConfig
    events: dict[str, str]  # marker -> label
    targets: Literal["labels", "text", "images"]  # what the vectors are: trained prototypes, or CLIP vectors
    calibration: Calibration
    training: dict[str, Any]  # data, recipe, seed, versions
    accuracy: dict[str, Any]  # split -> the figures `glimpse evaluate` prints
    files: dict[str, str]  # file -> sha256


@dataclass(frozen=True)
class Bundle:
    """A checked bundle."""

    path: Path
    manifest: Manifest
    bank: Bank
    hash: str  # sha256 of manifest.json, which holds the hash of everything else

    @property
    def encoder_path(self) -> Path:
        """The ONNX file."""
        return self.path / ENCODER

    @property
    def preprocess(self) -> PreprocessConfig:
        """Preprocessing as trained."""
        return self.manifest.preprocess

    @property
    def calibration(self) -> Calibration:
        """The fitted confidence."""
        return self.manifest.calibration

    @classmethod
    def load(cls, path: str | Path) -> "Bundle":
        """Read and check the bundle at `path`; BadInput says what is missing, changed or too new."""
        path = Path(path)
        manifest_path = path / MANIFEST
        if not manifest_path.is_file():
            raise BadInput(f"{manifest_path}: no such file, so {path} is not a bundle; make one with `glimpse export`")
        text = manifest_path.read_bytes()
        manifest = _parse(manifest_path, text)
        for needed in (ENCODER, VECTORS, LABELS):
            if needed not in manifest.files:
                raise BadInput(f"{manifest_path}: key 'files' does not list {needed}; export the bundle again")
        for name, wanted in manifest.files.items():
            file = path / name
            if not file.resolve().is_relative_to(path.resolve()):
                raise BadInput(
                    f"{manifest_path}: key 'files' names {name!r}, which lies outside the bundle; do not use it"
                )
            if not file.is_file():
                raise BadInput(f"{file}: listed in the manifest but missing; copy the whole bundle again")
            if (found := sha256(file)) != wanted:
                raise BadInput(
                    f"{file}: sha256 is {found[:12]}..., the manifest says {wanted[:12]}...; the file changed after "
                    "export, copy or export the bundle again"
                )
        return cls(path, manifest, Bank.load(path), "sha256:" + hashlib.sha256(text).hexdigest())


def _parse(path: Path, text: bytes) -> Manifest:
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error}); export the bundle again") from None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BadInput(
            f"{path}: schema_version is {version}, this Glimpse reads up to {SCHEMA_VERSION}; install a newer Glimpse"
        )
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise BadInput(f"{path}: key '{key}': {first['msg']}; export the bundle again") from None


def sha256(file: Path) -> str:
    """Hex digest of a file's bytes."""
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def write_bundle(folder: Path, bank: Bank, card: str, **fields: Any) -> Bundle:
    """Finish a bundle in `folder`, which already holds `encoder.onnx`: bank, labels, card, and last the manifest.

    Weights that are there are kept too.

    `fields` are the manifest's, less `files`; `calibration` and `preprocess` may be dicts of their fields.
    """
    bank.save(folder)
    (folder / CARD).write_text(card)
    here = [name for name in (ENCODER, VECTORS, LABELS, CARD, WEIGHTS) if name != WEIGHTS or (folder / name).is_file()]
    files = {name: sha256(folder / name) for name in here}
    manifest = Manifest(**fields, files=files)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return Bundle.load(folder)


def positions_to_json(positions: np.ndarray) -> list[list[float | None]]:
    """Positions (n_channels, 3) with NaN as null."""
    return [[None if np.isnan(v) else round(float(v), 6) for v in row] for row in positions]
