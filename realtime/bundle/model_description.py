"""The description of a trained model that a run and its bundle share, field by field."""

from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from pydantic import Field

TargetKind = Literal["labels", "text", "images"]


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """What a model decodes and from what, as JSON holds it."""

    name: str  # of the dataset file
    network: dict[str, Any]  # {"name": ..., "config": {...}}: enough to build it again
    ch_names: list[str]
    rename: dict[str, str] = field(default_factory=dict)  # name in the recording or stream -> name above
    positions_m: list[list[float | None]]  # x, y, z per channel in metres, null where unknown
    sfreq: float  # of the recordings and the stream, Hz
    hop_samples: int  # at preprocess.sfreq
    window_s: Annotated[list[float], Field(min_length=2, max_length=2)]  # from and to, seconds since onset
    events: dict[str, str]  # marker -> label
    targets: TargetKind  # what the vectors are: trained prototypes, or CLIP vectors


def fields_of(base: type, source: object) -> dict[str, Any]:
    """The fields of the dataclass `base` that `source`, an instance of it, holds."""
    return {entry.name: getattr(source, entry.name) for entry in fields(base)}
