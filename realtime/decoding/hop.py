"""A hop: the samples between two decisions, and the clock of the running trial. Hops are cut in frontend.py."""

from dataclasses import dataclass

import numpy as np

MAX_TRACKS = 32  # trials of one stream that are decoded at once
NO_TRIAL = np.array([[-(2**62), -1]])  # a track of state["onset.current"] before any; sorts before every real one


@dataclass(frozen=True)
class TrialClock:
    """The running trial of one track and its time."""

    trial: int | None = None  # trials since the stream began, None outside a trial
    since_onset_s: float | None = None  # from the trial's onset to the hop's newest sample

    @property
    def onset(self) -> float:
        """The encoder's onset input: seconds since onset, negative when none is known."""
        return -1.0 if self.since_onset_s is None else self.since_onset_s


@dataclass(frozen=True)
class Hop:
    """The encoder's input of one step, and the samples behind it."""

    signal: np.ndarray  # float32 (n_channels, hop_samples), in units of the running standard deviation
    number: int  # hops since the stream began
    sample: int  # number of the newest stream sample used
    clocks: tuple[TrialClock, ...]  # one per track
    reason: np.ndarray  # int8 (n_channels,): the worst of this hop's samples, an index into quality.REASONS
    gap: bool  # samples were lost less than SETTLE_S ago
    artifact: bool = False  # a blink or a burst in a sample of this hop

    @property
    def bad(self) -> np.ndarray:
        """Channels with a repaired sample in this hop, bool (n_channels,)."""
        return self.reason > 0

    def only_track(self) -> TrialClock:
        """The clock of the only track; ValueError if several trials run on tracks."""
        if len(self.clocks) != 1:
            raise ValueError(f"hop {self.number} has {len(self.clocks)} tracks, where one is expected")
        return self.clocks[0]
