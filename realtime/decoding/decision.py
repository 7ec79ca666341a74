"""A decision: which samples, which trial, the best labels."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Candidate:
    """One label of a decision."""

    label: str
    p: float  # calibrated probability over all labels of the bank
    similarity: float  # cosine of embedding and label vector


@dataclass(frozen=True)
class Decision:
    """The decoder's answer after one hop; times are samples of the stream."""

    number: int  # hops since the stream began
    sample: int  # number of the newest stream sample used
    trial: int | None  # trials since the stream began, None outside a trial
    since_onset_s: float | None
    top: tuple[Candidate, ...]  # best first
    decided: bool  # the trial's confidence has reached the threshold
    gap: bool  # samples were lost shortly before
    bad_channels: tuple[str, ...]  # flagged in this hop and interpolated
    artifact: bool  # a blink or a burst in this hop
    embedding: np.ndarray = field(repr=False, compare=False)  # float32 (dim,)
    p: np.ndarray = field(repr=False, compare=False)  # float64 (n_labels,), in the order of the bank
    ms: dict[str, float] = field(default_factory=dict, repr=False, compare=False)  # milliseconds spent per stage
    rolled_back: str = field(default="", repr=False, compare=False)  # why adaptation ended with this hop, a sentence
