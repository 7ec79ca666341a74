"""What a reader hands on: sessions that are read one at a time, each with its signal and the stimuli shown in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from realtime.errors import BadInput
from realtime.recordings.recording import Recording

TRAIN, TEST, OTHER = "train", "test", "other"  # subset of the published set; other: targets and catch trials
WHITENED_UV = 10.0  # microvolts that stand for one whitened unit, so that its size is that of EEG
BLOCK_EPOCHS = 1000  # epochs handed on at once


@dataclass(frozen=True)
class Trials:
    """The stimuli of one session, one entry each."""

    row: np.ndarray  # int64: sample of the recording, or number of the epoch
    picture: np.ndarray  # str: name of the picture, without its folder and file type; "" for none
    concept: np.ndarray  # str: what it shows
    subset: np.ndarray  # str: TRAIN, TEST or OTHER
    day: np.ndarray  # int64: recording day from 1, or block; the latest possible one where the file tells a range

    def __len__(self) -> int:
        return len(self.row)

    def select(self, chosen: np.ndarray) -> "Trials":
        """The trials at a mask or at numbers."""
        columns = (self.row, self.picture, self.concept, self.subset, self.day)
        return Trials(*(column[chosen] for column in columns))


def make_trials(
    row: Sequence[int] | np.ndarray,
    picture: Sequence[str] | np.ndarray,
    concept: Sequence[str] | np.ndarray,
    subset: Sequence[str] | np.ndarray | str,
    day: Sequence[int] | np.ndarray | int,
) -> Trials:
    """Trials from lists; one `subset` or one `day` stands for all."""
    n = len(row)
    return Trials(
        np.asarray(row, np.int64),
        np.asarray(picture, np.str_),
        np.asarray(concept, np.str_),
        np.broadcast_to(np.asarray(subset, np.str_), n),
        np.broadcast_to(np.asarray(day, np.int64), n),
    )


@dataclass(frozen=True)
class Epochs:
    """Trials that were cut, filtered and whitened by the publisher; there is no signal between them."""

    samples: np.ndarray  # float (n_epochs, n_channels, n_times), whitened: units are arbitrary
    sfreq: float  # Hz
    onset_row: int  # row of an epoch at which its stimulus begins
    ch_names: tuple[str, ...]
    name: str  # the path, for messages
    warnings: tuple[str, ...] = ()
    positions_m: np.ndarray | None = None  # float64 (n_channels, 3) metres in the head frame

    def recording(self, chosen: np.ndarray, labels: Sequence[str]) -> Recording:
        """The epochs with numbers `chosen` as a recording that breaks before each of them.

        A break starts every filter afresh, settled on the first sample that follows, so that no filter state passes
        from one epoch to the next. The number of lost samples is unknown and is written as one.
        """
        n_times = self.samples.shape[2]
        rows = np.ascontiguousarray(self.samples[chosen].transpose(0, 2, 1), np.float32) * np.float32(WHITENED_UV)
        begins = np.arange(len(chosen)) * n_times
        return Recording(
            samples=rows.reshape(-1, len(self.ch_names)),
            sfreq=self.sfreq,
            ch_names=self.ch_names,
            markers=tuple(
                (int(begin) + self.onset_row, str(label)) for begin, label in zip(begins, labels, strict=True)
            ),
            gaps=tuple((int(begin), 1) for begin in begins[1:]),
            name=self.name,
            warnings=self.warnings,
            positions_m=self.positions_m,
        )


@dataclass(frozen=True)
class Reading:
    """The signal of a session, or of a block of it, and its stimuli."""

    signal: Recording | Epochs
    trials: Trials

    def recording(self, chosen: np.ndarray, labels: Sequence[str]) -> Recording:
        """A recording whose markers are `labels`, at the trials that the mask `chosen` selects."""
        rows = self.trials.row[chosen]
        if isinstance(self.signal, Epochs):
            return self.signal.recording(rows, labels)
        markers = sorted((int(row), str(label)) for row, label in zip(rows, labels, strict=True))
        return replace(self.signal, markers=tuple(markers))


@dataclass(frozen=True)
class Session:
    """Files that are read together; nothing is read before `read` is called."""

    name: str  # path of the signal, for messages
    subject: str
    read: Callable[[], Iterator[Reading]]  # parts of bounded size, in order
    day: int | None = None  # None: trials of several days
    subset: str | None = None  # TRAIN or TEST where all of its trials are of one subset
    splits: tuple[str, ...] | None = None  # splits that its trials may go to; None: any
    n_bytes: int = 0  # on disk
    memory_bytes: int = 0  # while it is read


@dataclass(frozen=True)
class Finding:
    """Something that a folder lacks or does otherwise, and what that costs."""

    what: str
    cost: str


@dataclass(frozen=True)
class PublishedSet:
    """A folder recognised as a published layout."""

    source: str
    layout: str  # in words
    root: Path
    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...] = ()
    test_concepts: frozenset[str] = frozenset()  # of its own test set: never trained on
    pictures: Path | None = None  # folder of the picture files
    in_time: bool = True  # False: epochs, whose distance in time is unknown
    days: tuple[int, ...] = field(default=())  # recording days, or blocks, of the sessions that are here


def onset_row_of(times: np.ndarray, where: str) -> tuple[float, int]:
    """Rate in Hz and row of the onset, from the times (n_times,) of an epoch in seconds since the onset."""
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    if not (np.isfinite(times).all() and step > 0 and np.allclose(steps, step, atol=0.1 * step)):
        raise BadInput(f"{where}: times needs equal steps in seconds, but has others; write the file again.")
    row = round(-float(times[0]) / step)
    if not 0 <= row < len(times):
        raise BadInput(
            f"{where}: times goes from {times[0]:g} to {times[-1]:g} s, but needs to hold the onset, 0; cut the "
            "epochs again."
        )
    return round(1 / step, 3), row


def epoch_blocks(epochs: Epochs, trials: Trials) -> Iterator[Reading]:
    """Epochs in blocks of bounded size; `trials.row` numbers the epochs of `epochs`."""
    for first in range(0, len(trials), BLOCK_EPOCHS):
        block = trials.select(np.arange(first, min(first + BLOCK_EPOCHS, len(trials))))
        some = replace(epochs, samples=epochs.samples[block.row])
        yield Reading(some, replace(block, row=np.arange(len(block))))
