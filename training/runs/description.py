"""The description of a run: everything about a network but its weights."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from realtime.bundle.model_description import ModelDescription

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """How a model was trained; a manifest holds it under `training`."""

    recipe: dict[str, Any]
    data: dict[str, Any]  # split -> files, trials per label, digests of what was read
    simulate: dict[str, Any] = field(default_factory=dict)  # what the simulated amplifier played, if it did
    made_from: dict[str, str] = field(default_factory=dict)  # teacher, start_from -> sha256 of their checkpoints


@dataclass(frozen=True, kw_only=True)
class RunDescription(TrainingRecord, ModelDescription):
    """Everything about a run but its weights, as JSON holds it."""

    preprocess: dict[str, Any]
    labels: list[str]  # of the bank, in the order of its vectors
    calibration: dict[str, Any] | None = None  # fields of Calibration; None until training has ended
    pair: dict[str, Any] = field(default_factory=dict)  # description of the second modality, if there are two
    schema_version: int = SCHEMA_VERSION  # of run.json; runs without one are of schema 1

    def differs(self, other: "RunDescription") -> list[str]:
        """Fields in which two runs differ, except for the calibration, which follows training."""
        mine, yours = (json.loads(json.dumps(asdict(one))) for one in (self, other))
        return [key for key in mine if mine[key] != yours[key] and key != "calibration"]
