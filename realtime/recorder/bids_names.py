"""Names of recordings as BIDS and LabRecorder write them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from realtime.errors import BadInput


@dataclass(frozen=True)
class BidsName:
    """Participant, session and task of a recording: letters and digits only. The defaults are LabRecorder's."""

    sub: str = "P001"  # subject
    ses: str = "S001"  # session
    task: str = "Default"
    run: int = 1  # the first number to try

    def __post_init__(self) -> None:
        for entity in ("sub", "ses", "task"):
            value = getattr(self, entity)
            if not (value.isascii() and value.isalnum()):
                raise BadInput(f"--{entity} is {value!r}, a BIDS name needs letters and digits only; drop the rest")
        if self.run < 1:
            raise BadInput(f"--run is {self.run}, it must be 1 or more")

    def paths(self, folder: Path) -> Iterator[Path]:
        """File of run `run`, then of the runs after it: sub-S/ses-X/eeg/sub-S_ses-X_task-T_run-001_eeg.xdf."""
        eeg = folder / f"sub-{self.sub}" / f"ses-{self.ses}" / "eeg"
        for run in count(self.run):
            yield eeg / f"sub-{self.sub}_ses-{self.ses}_task-{self.task}_run-{run:03d}_eeg.xdf"
