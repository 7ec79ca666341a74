"""Pairs of trials of two sets of crops, such as EEG and MEG of different people: by stimulus, else by concept.

Trials are paired by stimulus, never by their position in the recording.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from realtime.bundle.label_vectors import name_key
from realtime.errors import BadInput
from training.data.crops import Crops

PICTURE = re.compile(r"\.(jpe?g|png|bmp|gif|webp)$", re.IGNORECASE)
EXEMPLAR = re.compile(r"_\d+[a-z]*$")  # carousel_11s


def stimulus_of(label: str) -> str:
    """A picture's name without its folder and its file type, and without what `key` takes off."""
    return name_key(PICTURE.sub("", re.split(r"[/\\]", label)[-1]))


def concept_of(label: str) -> str:
    """What a picture shows, by the names of THINGS: `concept_01b` is `concept`; any other name is its own concept."""
    return name_key(EXEMPLAR.sub("", PICTURE.sub("", re.split(r"[/\\]", label)[-1])))


@dataclass(frozen=True)
class PairedCrops:
    """Crops of the first set, each stacked on one of the second; used like `Crops`."""

    first: Crops
    second: Crops
    chosen: np.ndarray  # int64 (n_pairs,): crop of the first set
    partners: tuple[np.ndarray, ...]  # per pair: the crops of the second set that fit
    by_stimulus: int  # pairs of one stimulus; the others share their concept only
    seed: int

    @property
    def where(self) -> np.ndarray:
        """Segment and trial, in the first set, of each pair."""
        where: np.ndarray = self.first.where[self.chosen]
        return where

    @property
    def labels(self) -> np.ndarray:
        """Label index of each pair, by the label names of the first set: the loss goes to the one picture."""
        labels: np.ndarray = self.first.labels[self.chosen]
        return labels

    @property
    def hop_samples(self) -> int:
        """Samples a hop, the same in both."""
        return self.first.hop_samples

    @property
    def n_hops(self) -> int:
        """Hops a crop, the same in both."""
        return self.first.n_hops

    def cut(self, index: int, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pair `index`, begun `shift` samples late: signal (C1 + C2, n_hops * hop), onset and mask as `Crops.cut`.

        The partner follows from (seed, index, shift): as the shift is drawn anew each epoch, so is the partner. Onsets
        fall on the same column; the onset is that of the first, and the mask is true where it is true in both.
        """
        fits = self.partners[index]
        partner = fits[np.random.default_rng((self.seed, index, shift)).integers(len(fits))]
        signal, onset, mask = self.first.cut(int(self.chosen[index]), shift)
        second_signal, _, second_mask = self.second.cut(int(partner), shift)
        return np.concatenate([signal, second_signal]), onset, mask & second_mask

    def signals(self) -> list[np.ndarray]:
        """Every pair's signal once, (C1 + C2, n_times), for what a network learns from them before training."""
        return [self.cut(index, 0)[0] for index in range(len(self.chosen))]


def pair_trials(
    first: Crops,
    second: Crops,
    label_names: tuple[Sequence[str], Sequence[str]],
    files: tuple[str, str] = ("the first set", "the second set"),
    seed: int = 0,
    concept: Callable[[str], str] = concept_of,
) -> PairedCrops:
    """Pair each trial of `first` with those of `second` that show the same stimulus, else the same concept.

    `label_names` are what the labels of each set number; `files` name the sets in errors. A trial without a partner is
    left out. Raises BadInput where the crops differ in their hops or rate, and where nothing is shared.
    """
    check_same_events(first, second, files)
    names = [[label_names[i][label] for label in crops.labels] for i, crops in enumerate((first, second))]
    stimuli = [_by(stimulus_of(name) for name in labels) for labels in names]
    concepts = [_by(concept(name) for name in labels) for labels in names]
    fits, n_stimulus = dict[int, list[int]](), 0
    for index, name in enumerate(names[0]):
        if same := stimuli[1].get(stimulus_of(name)):
            fits[index], n_stimulus = same, n_stimulus + 1
        elif alike := concepts[1].get(concept(name)):
            fits[index] = alike
    if not fits:
        sets = [
            f"{len(set(labels))} labels of {file}" + (f" (such as {labels[0]!r})" if labels else "")
            for labels, file in zip(names, files, strict=True)
        ]
        raise BadInput(
            f"pairs: {sets[0]} and {sets[1]} share no stimulus and no concept, one or more is needed; name what was "
            "shown alike under events in both."
        )
    partners = tuple(np.array(crops, np.int64) for crops in fits.values())
    return PairedCrops(first, second, np.array(list(fits), np.int64), partners, n_stimulus, seed)


def check_same_events(first: Crops, second: Crops, files: tuple[str, str]) -> None:
    """BadInput unless a column of one set is the same time since onset as in the other."""
    facts = [
        {
            "hops of": f"{crops.hop_samples} samples",
            "crops of": f"{crops.n_hops} hops, {crops.lead_hops} of them before onset",
            "windows of": f"{crops.window_s[0]:g} to {crops.window_s[1]:g} s",
            "a rate of": f"{rate_of(crops):.3g} Hz",
        }
        for crops in (first, second)
    ]
    for what in facts[0]:
        if facts[0][what] != facts[1][what]:
            raise BadInput(
                f"pairs: {files[0]} has {what} {facts[0][what]} and {files[1]} {facts[1][what]}, the same are needed; "
                "give both files the same window_s and preprocess.sfreq."
            )


def rate_of(crops: Crops) -> float:
    """Rate of the prepared signal in Hz, from how fast the recording's samples go by; nan without a signal."""
    longest = max(crops.segments, key=lambda segment: len(segment.sample), default=None)
    if longest is None or len(longest.sample) < 2:
        return float("nan")
    return (len(longest.sample) - 1) * longest.sfreq_in / float(longest.sample[-1] - longest.sample[0])


def _by(names: Iterable[str]) -> dict[str, list[int]]:
    """Index of the trials under each name."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        groups.setdefault(name, []).append(index)
    return groups
