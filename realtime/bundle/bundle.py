"""The bundle: one folder with everything needed to decode, the only thing that training hands to serving.

Loading checks the schema and every hash, unpickles nothing, and reports an error in one sentence.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from realtime.bundle.bank import LABELS, VECTORS, Bank
from realtime.bundle.calibration import Calibration
from realtime.bundle.manifest import Manifest, parse_manifest
from realtime.errors import BadInput
from realtime.preprocess.config import PreprocessConfig

ENCODER, CARD, MANIFEST = "encoder.onnx", "card.md", "manifest.json"
WEIGHTS = "weights.safetensors"  # of `network`, by name: the start of a calibration; not used for decoding


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
        manifest = parse_manifest(manifest_path, text)
        for needed in (ENCODER, VECTORS, LABELS):
            if needed not in manifest.files:
                raise BadInput(f"{manifest_path}: key 'files' does not list {needed}; export the bundle again")
        for name, expected in manifest.files.items():
            file = path / name
            if not file.resolve().is_relative_to(path.resolve()):
                raise BadInput(
                    f"{manifest_path}: key 'files' names {name!r}, which lies outside the bundle; do not use it"
                )
            if not file.is_file():
                raise BadInput(f"{file}: listed in the manifest but missing; copy the whole bundle again")
            if (actual := sha256(file)) != expected:
                raise BadInput(
                    f"{file}: sha256 is {actual[:12]}..., the manifest says {expected[:12]}...; the file changed after "
                    "export, copy or export the bundle again"
                )
        return cls(path, manifest, Bank.load(path), "sha256:" + hashlib.sha256(text).hexdigest())


def sha256(file: Path) -> str:
    """Hex digest of a file's bytes."""
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def write_bundle(folder: Path, bank: Bank, card: str, **fields: Any) -> Bundle:
    """Finish a bundle in `folder`, which already holds `encoder.onnx`: bank, labels, card, and last the manifest.

    `fields` are all fields of the manifest except `files`; `calibration` and `preprocess` may be dicts of their fields.
    """
    bank.save(folder)
    (folder / CARD).write_text(card, encoding="utf-8")
    here = [name for name in (ENCODER, VECTORS, LABELS, CARD, WEIGHTS) if name != WEIGHTS or (folder / name).is_file()]
    files = {name: sha256(folder / name) for name in here}
    manifest = Manifest(**fields, files=files)
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return Bundle.load(folder)


def positions_to_json(positions: np.ndarray) -> list[list[float | None]]:
    """Positions (n_channels, 3) with NaN as null."""
    return [[None if np.isnan(v) else round(float(v), 6) for v in row] for row in positions]
