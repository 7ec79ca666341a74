"""A small folder of THINGS-EEG1: parts of the real picture streams, and simulated EEG."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.published.brainvision import write_brainvision
from tests.helpers.published.signals import CHANNELS_63, recording

BETWEEN_MS = 2000  # from the last picture of a part to the first one of the next


def write_things_eeg1(
    root: Path, timelines: Path, subjects: Sequence[int] = (2,), pictures: int = 20, shift: int = 0
) -> Path:
    """Write the first `pictures` of each block; the markers of the recording lie `shift` rows late."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "THINGS-EEG", "BIDSVersion": "1.0.2", "License": "CC0"}\n')
    for number in subjects:
        with (timelines / f"sub-{number:02d}_task-rsvp_events.tsv").open(newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            rows, columns = list(reader), list(reader.fieldnames or ())
        kept: list[dict[str, str]] = []
        parts = [
            [row for row in rows if row["blocksequencenumber"] == str(block)][:pictures] for block in (*range(12), -1)
        ]
        at = BETWEEN_MS
        for part in filter(None, parts):
            first = int(part[0]["onset"])
            kept += [row | {"onset": str(int(row["onset"]) - first + at)} for row in part]
            at = int(kept[-1]["onset"]) + BETWEEN_MS
        folder = root / f"sub-{number:02d}" / "eeg"
        folder.mkdir(parents=True)
        with (folder / f"sub-{number:02d}_task-rsvp_events.tsv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, delimiter="\t")
            writer.writeheader()
            writer.writerows(kept)
        onsets = [int(row["onset"]) for row in kept]
        samples = recording(onsets, [row["stim"] for row in kept], 63, at + BETWEEN_MS, 1000.0, seed=number)
        markers = [(onset + shift, "E  1") for onset in onsets]
        write_brainvision(folder / f"sub-{number:02d}_task-rsvp_eeg.vhdr", samples, CHANNELS_63, 1000.0, markers)
    return root
