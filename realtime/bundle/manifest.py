"""The manifest of a bundle, checked key by key; the hashes in `files` are checked by bundle.py."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from realtime.bundle.calibration import Calibration
from realtime.bundle.model_description import ModelDescription
from realtime.errors import BadInput, check_schema_version
from realtime.preprocess.config import PreprocessConfig

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Manifest(ModelDescription):
    """What `manifest.json` holds."""

    schema_version: Literal[1] = 1
    note: str = ""  # one line for people: what the labels' space is and is not
    states: list[str]  # the encoder's state names
    preprocess: PreprocessConfig
    calibration: Calibration
    training: dict[str, Any]  # data, recipe, seed, versions
    accuracy: dict[str, Any]  # split -> the figures `glimpse evaluate` prints
    files: dict[str, str]  # file -> sha256

    def to_json(self) -> str:
        """The text of the file."""
        return MANIFEST_JSON.dump_json(self, indent=1).decode() + "\n"


MANIFEST_JSON = TypeAdapter(Manifest)


def parse_manifest(path: Path, text: bytes) -> Manifest:
    """Return the manifest in `text`; raises BadInput with the file, the key, the value found and the value needed."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error}); export the bundle again") from None
    check_schema_version(raw.get("schema_version") if isinstance(raw, dict) else None, SCHEMA_VERSION, str(path))
    try:
        return MANIFEST_JSON.validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole file"
        raise BadInput(f"{path}: key '{key}': {first['msg']}; export the bundle again") from None
