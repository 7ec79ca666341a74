"""Which trial trains, validates and is reported: by concept always, by recording day where it is known."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from realtime.errors import BadInput
from training.data.readers.trials import TEST, TRAIN, PublishedSet, Reading, Session, Trials

VALID = "valid"
NONE = ""  # no split: targets, catch trials, and what would leak
OWN_TEST = {
    "things-eeg1": "things-eeg1",
    "things-meg": "things-eeg1",
    "things-eeg2": "things-eeg2",
    "alljoined": "things-eeg2",
}
FAMILY = re.compile(r"\d+$")  # camera1 and camera2 are near duplicates


Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Names = tuple[Annotated[str, Field(strict=True, min_length=1)], ...]
need_share = "a share of the concepts from 0 to 1, or a list of their names"


class SplitRule(BaseModel):
    """How trials are divided.

    `valid` and `test` are a share of the concepts or their names; `test` is for sets without a test set of their own.
    With separate days, `valid` and `test` are of the last recording day, which no training trial is of. Training trials
    within `margin_s` seconds of a trial held out are dropped, because their windows would hold the signal that it
    evokes. `exclude` names published sets whose test concepts are not trained on either.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Literal["separate", "shared"] = Field(default="separate", description="separate or shared")
    valid: Share | Names = Field(default=0.05, description=need_share)
    test: Share | Names = Field(default=0.1, description=need_share)
    margin_s: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)] = Field(
        default=1.0, description="seconds, 0 or more"
    )
    exclude: tuple[str, ...] = Field(default=(), description="a list of published sets, [things-eeg2]")


def published_test_concepts(source: str) -> frozenset[str]:
    """Concepts of the test set of a published source; empty for a source without one."""
    table = json.loads(files(__package__).joinpath("test_concepts.json").read_text(encoding="utf-8"))
    return frozenset(table.get(OWN_TEST.get(source, ""), ()))


def concept_is_in(concept: str, chosen: float | tuple[str, ...], salt: str) -> bool:
    """Whether a concept belongs to a share, by a hash of its name, or to a list of names.

    The hash is of the name alone, so that adding a data set moves no concept. Names that differ in their last digits
    only stay together.
    """
    if isinstance(chosen, tuple):
        return concept in chosen
    family = FAMILY.sub("", concept)
    digest = hashlib.sha256(f"{salt}:{family}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < chosen * 2**64


@dataclass(frozen=True)
class Splitter:
    """Assigns the trials of one data set to splits."""

    rule: SplitRule
    test_concepts: frozenset[str]  # published ones, of this set and of those excluded
    has_test: bool  # the set has a test set of its own
    last_day: int | None  # None: days are shared
    in_time: bool  # rows are samples of one recording

    def assign(self, trials: Trials, sfreq: float) -> np.ndarray:
        """The split of each trial, "" for none."""
        concepts, at = np.unique(trials.concept, return_inverse=True)
        kind = np.array([self._kind(str(concept)) for concept in concepts])[at]
        late = np.ones(len(trials), bool) if self.last_day is None else trials.day == self.last_day
        early = np.ones(len(trials), bool) if self.last_day is None else ~late
        train = trials.subset == TRAIN
        split = np.full(len(trials), NONE, dtype="<U5")
        split[train & (kind == TRAIN) & early] = TRAIN
        split[train & (kind == VALID) & late] = VALID
        split[(trials.subset == TEST) & late] = TEST
        if not self.has_test:
            split[train & (kind == TEST) & late] = TEST
        if self.in_time:
            split[(split == TRAIN) & self._near(trials, split, sfreq)] = NONE
        return split

    def _kind(self, concept: str) -> str:
        if concept in self.test_concepts:
            return NONE
        if not self.has_test and concept_is_in(concept, self.rule.test, "test"):
            return TEST
        return VALID if concept_is_in(concept, self.rule.valid, "valid") else TRAIN

    def _near(self, trials: Trials, split: np.ndarray, sfreq: float) -> np.ndarray:
        """Trials within `margin_s` of one that is held out."""
        held = np.sort(trials.row[(split == VALID) | (split == TEST)])
        if not len(held):
            return np.zeros(len(trials), bool)
        after = np.searchsorted(held, trials.row)
        distance = np.minimum(
            np.abs(held[np.minimum(after, len(held) - 1)] - trials.row),
            np.abs(held[np.maximum(after - 1, 0)] - trials.row),
        )
        near: np.ndarray = distance <= self.rule.margin_s * sfreq
        return near


def make_splitter(published: PublishedSet, rule: SplitRule) -> Splitter:
    """The splitter of a data set; BadInput for an unknown name under `exclude`."""
    for name in rule.exclude:
        if name not in OWN_TEST:
            raise BadInput(
                f"splits.exclude is {list(rule.exclude)}, but {name!r} is no published set; use some of "
                f"{', '.join(OWN_TEST)}."
            )
    excluded = frozenset().union(*(published_test_concepts(name) for name in (published.source, *rule.exclude)))
    has_test = published.source in OWN_TEST
    separate = rule.days == "separate" and len(published.days) > 1
    return Splitter(
        rule,
        published.test_concepts | excluded,
        has_test,
        max(published.days) if separate else None,
        published.in_time,
    )


def readings_of(
    published: PublishedSet, splitter: Splitter, split: str | None = None
) -> Iterator[tuple[Session, Reading, np.ndarray]]:
    """Every session's readings with the split of each trial; sessions that hold nothing of `split` are not read."""
    for session in published.sessions:
        if split is not None and not _may_hold(session, splitter, split):
            continue
        for reading in session.read():
            splits = splitter.assign(reading.trials, reading.signal.sfreq)
            if session.splits is not None:
                splits[~np.isin(splits, session.splits)] = NONE
            yield session, reading, splits


def _may_hold(session: Session, splitter: Splitter, split: str) -> bool:
    if session.splits is not None and split not in session.splits:
        return False
    fits = session.subset is None or not splitter.has_test or (session.subset == TEST) == (split == TEST)
    if splitter.last_day is None or session.day is None:
        return fits
    return fits and (session.day == splitter.last_day) == (split != TRAIN)
