"""The dataset file: ten lines of YAML that name and label recordings."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, field_validator, model_validator

from realtime.errors import BadInput
from realtime.markers import normalise_marker
from training.data.readers.splits import SplitRule

# Strict, because YAML's `yes` would otherwise pass for 1.0 and "40" for a number.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Count = Annotated[int, Field(strict=True, ge=0)]
Text = Annotated[str, Field(strict=True, min_length=1)]

need_globs = "a list of file names or globs, or of whole numbers (seeds) with reader: simulated"
need_names = "a list of channel names"
VARIABLE = re.compile(r"\$\{?(\w+)\}?")


class StrictModel(BaseModel):
    """A mapping in the file; every key is known and every description ends the sentence "but needs ..."."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Files(StrictModel):
    """Which files are learned from, calibrated on, and reported on; a file is in one split only."""

    train: tuple[Text | Count, ...] = Field(description=need_globs, min_length=1)
    valid: tuple[Text | Count, ...] = Field(default=(), description=need_globs)
    test: tuple[Text | Count, ...] = Field(default=(), description=need_globs)


class Channels(StrictModel):
    """Which channels are used; names are matched by the 10-05 system."""

    pick: Literal["eeg", "meg"] | tuple[Text, ...] = Field(default="eeg", description=f"eeg, meg or {need_names}")
    drop: tuple[Text, ...] = Field(default=(), description=need_names)
    rename: dict[Text, Text] = Field(default={}, description="a mapping of old to new names, {Right AUX: POz}")


class TextTargets(StrictModel):
    """Embeddings of the labels' words."""

    text: Text = Field(description="the path of an npy file, one vector a row")
    names: Text = Field(description="the path of a TSV file with a column `name`, in the order of the rows")


class ImageTargets(StrictModel):
    """Embeddings of the pictures that were shown."""

    images: Text | Annotated[tuple[Text, ...], Field(min_length=2)] = Field(
        description="the path of an npy file, one vector a row, or a list of two or more: layers whose mix is learned"
    )
    stimuli: Text = Field(description="the path of a JSON file, names as a list or as keys, in the order of the rows")
    columns: tuple[Count, Count] | None = Field(
        default=None, description="the first column and the one after the last, [0, 512]"
    )


class Preprocess(StrictModel):
    """What happens to a sample before the network sees it."""

    highpass_hz: Positive | None = Field(default=1.0, description="a frequency above 0, or null")
    lowpass_hz: Positive = Field(default=40.0, description="a frequency above 0")
    notch_hz: Literal["auto"] | Positive | None = Field(
        default="auto", description="auto, a frequency above 0, or null"
    )
    sfreq: Positive = Field(default=128.0, description="the network's rate in Hz, above 0")
    reference: Literal["average", "none"] | tuple[Text, ...] = Field(
        default="average", description=f"average, none or {need_names}"
    )

    align_s: Positive | None = Field(default=None, description="a memory in seconds, above 0, or null")

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.lowpass_hz >= self.sfreq / 2:
            raise ValueError(
                f"preprocess.lowpass_hz is {self.lowpass_hz:g}, but sfreq {self.sfreq:g} needs it below "
                f"{self.sfreq / 2:g} (half of it); lower the one or raise the other."
            )
        if self.highpass_hz and self.highpass_hz >= self.lowpass_hz:
            raise ValueError(
                f"preprocess.highpass_hz is {self.highpass_hz:g}, but needs to be below lowpass_hz "
                f"{self.lowpass_hz:g}; nothing would be left."
            )
        return self


class Simulate(StrictModel):
    """What the simulated amplifier plays, for reader: simulated."""

    ch_names: tuple[Text, ...] = Field(description=need_names, min_length=1)
    sfreq: Positive = Field(default=256.0, description="a rate in Hz, above 0")
    minutes: Positive = Field(description="the length of each recording, above 0")
    labels: tuple[Text, ...] | None = Field(
        default=None, description="a list of two or more names; without it every name of targets", min_length=2
    )
    dim: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=64, description="the length of a label's vector where targets give none, 1 or more"
    )
    vectors_seed: Count = Field(default=0, description="a whole number, 0 or more")
    snr: Positive = Field(default=1.0, description="signal over noise, above 0")


def _kind(value: Any) -> str:
    if not isinstance(value, dict | StrictModel):
        return "<labels>"
    return "<images>" if "images" in value or "stimuli" in value else "<text>"


# The tags keep pydantic from listing what is wrong with each alternative; angle brackets distinguish them from keys.
TargetsEntry = Annotated[
    Annotated[Literal["labels"], Tag("<labels>")]
    | Annotated[TextTargets, Tag("<text>")]
    | Annotated[ImageTargets, Tag("<images>")],
    Discriminator(_kind),
]


class DatasetFile(StrictModel):
    """A dataset file, checked. Windows are seconds from onset; rates are Hz."""

    name: Text = Field(description="a name in letters")
    files: Files = Field(
        default_factory=lambda: Files.model_construct(train=()),
        description="a mapping with train, and optionally valid and test",
    )
    source: Literal["things-eeg1", "things-eeg2", "things-meg", "alljoined", "bids"] | None = Field(
        default=None, description="things-eeg1, things-eeg2, things-meg, alljoined or bids"
    )
    root: Text | None = Field(default=None, description="the folder of the published data set")
    subjects: tuple[Count | Text, ...] | None = Field(
        default=None, description="a list of subject numbers, [1, 2]", min_length=1
    )
    stimuli: Text | None = Field(
        default=None, description="a folder of pictures, or a table with the columns marker, file and concept"
    )
    splits: SplitRule = Field(
        default_factory=SplitRule, description="a mapping with days, valid, test, margin_s or exclude"
    )
    reader: Literal["auto", "mne", "xdf", "csv", "npz", "simulated"] = Field(
        default="auto", description="auto, mne, xdf, csv, npz or simulated"
    )
    channels: Channels = Field(default_factory=Channels, description="a mapping with pick, drop or rename")
    events: dict[str, str] = Field(
        default={}, description="a mapping of marker to label, {T1: both fists, T2: both feet}"
    )
    window_s: tuple[Number, Number] = Field(
        default=(0.0, 1.0), description="two numbers, start and end from onset, [0.0, 1.0]"
    )
    targets: TargetsEntry = Field(
        default="labels", description="labels, {text: v.npy, names: n.tsv} or {images: v.npy, stimuli: n.json}"
    )
    preprocess: Preprocess = Field(
        default_factory=Preprocess,
        description="a mapping with highpass_hz, lowpass_hz, notch_hz, sfreq, reference or align_s",
    )
    simulate: Simulate | None = Field(default=None, description="a mapping with ch_names, minutes, labels and dim")
    _path: Path = PrivateAttr(default=Path("dataset.yaml"))

    @property
    def path(self) -> Path:
        """The file; names in it are relative to its folder."""
        return self._path

    def located(self, path: Path) -> Self:
        """A copy that was read from `path`."""
        copy = self.model_copy()
        copy._path = path
        return copy

    @property
    def column(self) -> str | None:
        """The CSV column that holds the markers, or None: every column whose name is marker."""
        return self.events.get("column")

    @property
    def markers(self) -> dict[str, str]:
        """Marker -> label."""
        return {marker: label for marker, label in self.events.items() if marker != "column"}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that are shown, each once, in the order of the file."""
        if self.simulate:
            return self.simulate.labels or ()
        return tuple(dict.fromkeys(self.markers.values()))

    @property
    def shows_pictures(self) -> bool:
        """Whether the events are pictures, so that splits follow from concepts and days."""
        return self.source is not None or self.stimuli is not None

    def resolve(self, key: str, text: str) -> Path:
        """The path of `text`, the value of `key`: with its variables replaced, relative to the file's folder."""
        expanded = os.path.expandvars(os.path.expanduser(text))
        if unset := VARIABLE.search(expanded):
            raise BadInput(
                f"{self.path}: {key} is {text!r}, but the environment variable {unset[1]} is not set; set it to the "
                "folder that holds the recordings."
            )
        return self.path.parent / expanded

    @field_validator("events", mode="before")
    @classmethod
    def _markers(cls, events: Any) -> Any:
        if not isinstance(events, dict):
            return events
        labels: dict[str, str] = {}
        for marker, label in events.items():
            for word in (marker, label):
                if isinstance(word, bool) or not isinstance(word, str | int | float) or not str(word).strip():
                    raise ValueError(
                        f"events has {marker!r}: {label!r}, but needs a marker and a label, each a word or a number; "
                        "put words such as on, off, yes and no in quotes."
                    )
            if normalise_marker(marker) in labels:
                raise ValueError(
                    f"events has {normalise_marker(marker)!r} twice, but needs one label a marker; remove one of them."
                )
            labels[normalise_marker(marker)] = str(label).strip() if marker == "column" else normalise_marker(label)
        return labels

    @model_validator(mode="after")
    def _whole(self) -> Self:
        start, end = self.window_s
        if start >= end:
            raise ValueError(f"window_s is [{start:g}, {end:g}], but needs its start before its end; swap or widen it.")
        if self.shows_pictures:
            self._check_pictures()
            return self
        if self.root is not None or self.subjects is not None or "splits" in self.model_fields_set:
            key = next(name for name in ("root", "subjects", "splits") if name in self.model_fields_set)
            raise ValueError(
                f"{key} is given without source or stimuli, but needs one of them; add it or remove {key}."
            )
        if not self.files.train:
            raise ValueError(
                "files is missing, but needs a mapping with train, and optionally valid and test; add it, or a source."
            )
        simulated = self.reader == "simulated"
        if simulated != (self.simulate is not None):
            raise ValueError(
                f"reader is {self.reader!r} and simulate is {'given' if self.simulate else 'missing'}, but one needs "
                "the other; add or remove `simulate`."
            )
        if simulated and self.events:
            raise ValueError(
                f"events is {self.events!r}, but needs to be absent: simulated markers are labels already; remove it."
            )
        if self.simulate and not self.simulate.labels and self.targets == "labels":
            raise ValueError("simulate.labels is missing, but targets: labels needs a list of names; add it.")
        if not simulated and not self.markers:
            raise ValueError(
                "events is {}, but needs a label for at least one marker, {T1: both fists, T2: both feet}."
            )
        for split, entries in self.files:
            for entry in entries:
                if isinstance(entry, int) != simulated:
                    need = "a whole number (a seed)" if simulated else "a file name or glob"
                    raise ValueError(f"files.{split} holds {entry!r}, but reader {self.reader!r} needs {need}.")
        return self

    def _check_pictures(self) -> None:
        """Raise ValueError for keys that do not go with events that are pictures."""
        kind = "source" if self.source else "stimuli"
        belongs = ("files", "reader") if self.source else ("root", "subjects")
        absent = [key for key in ("events", "simulate", *belongs) if key in self.model_fields_set]
        if absent:
            raise ValueError(
                f"{absent[0]} is given, but needs to be absent with {kind}, which says what was recorded; remove it."
            )
        if self.targets == "labels":
            raise ValueError(
                f"targets is 'labels', but needs vectors with {kind}: a concept held out has no trial to learn from; "
                "give {images: v.npy, stimuli: n.json} or {text: v.npy, names: n.tsv}."
            )
        if self.source is None and not self.files.train:
            raise ValueError("files is missing, but stimuli needs recordings: a mapping with train; add it.")
        if self.source is not None and self.root is None:
            raise ValueError(f"root is missing, but source {self.source} needs the folder of the data set; add it.")
        if self.source not in (None, "bids"):
            if self.stimuli is not None:
                raise ValueError(
                    f"stimuli is {self.stimuli!r}, but source {self.source} names its own pictures; remove stimuli."
                )
            if any(isinstance(one, str) for one in self.subjects or ()):
                raise ValueError(f"subjects is {list(self.subjects or ())}, but {self.source} needs whole numbers.")
