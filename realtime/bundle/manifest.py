"""The manifest of a bundle: what the network expects, checked key by key."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.bundle.calibration import Calibration
from realtime.errors import BadInput, check_schema_version
from realtime.preprocess.config import PreprocessConfig

SCHEMA_VERSION = 1


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


def parse_manifest(path: Path, text: bytes) -> Manifest:
    """Return the manifest in `text`; raises BadInput with the file, the key, the value found and the value needed."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error}); export the bundle again") from None
    check_schema_version(raw.get("schema_version") if isinstance(raw, dict) else None, SCHEMA_VERSION, str(path))
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise BadInput(f"{path}: key '{key}': {first['msg']}; export the bundle again") from None
