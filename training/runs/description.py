"""The description of a run: everything about a network but its weights."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

# What a run's description and the manifest of its bundle say in the same words, at the top and under `training`.
SHARED = "name network ch_names rename positions_m sfreq hop_samples window_s events targets".split()

SHARED_TRAINING = ("recipe", "data", "made_from", "simulate")

SCHEMA_VERSION = 1


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
    schema_version: int = SCHEMA_VERSION  # of run.json; runs without one are of schema 1
    made_from: dict[str, str] = field(default_factory=dict)  # teacher, start_from -> sha256 of their checkpoints

    def differs(self, other: "RunDescription") -> list[str]:
        """Fields in which two runs differ, but for what comes after training."""
        mine, yours = (json.loads(json.dumps(asdict(one))) for one in (self, other))
        return [key for key in mine if mine[key] != yours[key] and key != "calibration"]
