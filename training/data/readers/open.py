"""Opens a published data set by the name of its source."""

from collections.abc import Sequence
from pathlib import Path

from training.data.readers.alljoined import open_alljoined
from training.data.readers.bids import open_bids
from training.data.readers.own_pictures import StimulusList
from training.data.readers.things_eeg1 import open_things_eeg1
from training.data.readers.things_eeg2 import open_things_eeg2
from training.data.readers.things_meg import open_things_meg
from training.data.readers.trials import PublishedSet

SOURCES = ("things-eeg1", "things-eeg2", "things-meg", "alljoined", "bids")


def open_source(
    source: str,
    root: Path,
    subjects: Sequence[int | str] | None = None,
    pick: str = "eeg",
    stimuli: StimulusList | None = None,
) -> PublishedSet:
    """Recognise the layout of a folder; no signal is read. `pick` and `stimuli` are for `bids` alone."""
    if source == "bids":
        return open_bids(root, subjects, pick, stimuli)
    openers = {
        "things-eeg1": open_things_eeg1,
        "things-eeg2": open_things_eeg2,
        "things-meg": open_things_meg,
        "alljoined": open_alljoined,
    }
    return openers[source](root, None if subjects is None else [int(subject) for subject in subjects])
