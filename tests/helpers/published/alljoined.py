"""Small folders of Alljoined-1.6M: the makers' EDF blocks, and the BIDS copy with its marker files."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from tests.helpers.published.edf import write_edf
from tests.helpers.published.signals import recording
from tests.helpers.published.things_eeg2 import pictures, write_metadata

RECORDED = (
    "Cz FCz AFz Fp1 F5 F1 CP5 CP3 CP1 P1 P3 P5 P7 PO7 PO3 O1 Pz POz Oz O2 PO4 PO8 P8 P6 P4 P2 CP2 CP4 CP6 F2 F6 Fp2"
).split()
SFREQ = 256
Event = tuple[float, str, int, int]  # onset in seconds, kind, picture, running number
BEGAN = datetime(2025, 1, 25, 15, 40, 4, 498000, timezone(timedelta(hours=-8)))


def events_of(kind: str, first: int, seed: int, n: int = 60) -> list[Event]:
    """Twenty pictures, then a key press, and so on; the second picture of all is an oddball."""
    rng = np.random.default_rng(seed)
    found: list[Event] = []
    onset = 1.0
    for i in range(n):
        last = i % 21 == 20
        picture = 16746 if i == 1 else 3 if last else int(first + rng.integers(200))
        found.append((onset, "oddball" if i == 1 else "behav" if last else kind, picture, i + 1))
        onset += 1.5 if last else 0.2
    return found


def write_makers(root: Path, metadata: Path, days: Sequence[int] = (1, 2)) -> Path:
    """Write a test block and a training block a day."""
    write_metadata(root, metadata)
    for day in days:
        for block, kind, first in ((1, "stim_test", 16540), (5, "stim_train", 0)):
            folder = root / "raw_eeg" / "sub-01" / f"session_{day:02d}" / f"block_{block:02d}"
            folder.mkdir(parents=True)
            events = events_of(kind, first, 10 * day + block)
            samples = np.c_[_signal(events, root, day), np.zeros((_n_times(events), 2))]
            names = [{"AFz": "Afz"}.get(name, name) for name in RECORDED] + ["Counter", "CQ_Overall"]
            notes = [(onset, f"{kind},{picture},-1,{n}") for onset, kind, picture, n in events]
            write_edf(folder / f"block_{block:02d}.edf", samples, names, SFREQ, notes)
    return root


def write_bids(root: Path, metadata: Path, days: Sequence[str] = ("01", "02"), late_s: float = 0.0) -> Path:
    """Write run 1 (test) and run 5 (training); the clock of the marker files drifts by `late_s` over a run."""
    write_metadata(root, metadata)
    (root / "dataset_description.json").write_text('{"Name": "Alljoined-1.6M", "BIDSVersion": "1.9.0"}\n')
    for day in days:
        for run, kind, first in ((1, "stim_test", 16540), (5, "stim_train", 0)):
            folder = root / "sub-01" / f"ses-{day}" / "eeg"
            folder.mkdir(parents=True, exist_ok=True)
            stem = f"sub-01_ses-{day}_task-images_run-{run:02d}"
            events = [
                (round(onset * SFREQ) / SFREQ, *rest) for onset, *rest in events_of(kind, first, run + int(day[:2]))
            ]
            write_edf(folder / f"{stem}_eeg.edf", _signal(events, root, run), RECORDED, SFREQ)
            lines = ["onset\tduration\ttrial_type\tvalue\tsample"]
            listed = [event for event in events if event[1] != "stim_train"]
            lines += [
                f"{onset}\t0.0\t{kind},{picture},-1,{n}\t{i}\t{round(onset * SFREQ)}"
                for i, (onset, kind, picture, n) in enumerate(listed, start=1)
            ]
            (folder / f"{stem}_events.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
            source = root / "sourcedata" / "sub-01" / f"ses-{day}" / "eeg"
            source.mkdir(parents=True, exist_ok=True)
            (source / f"{stem}_recording.json").write_text(json.dumps({"Markers": _markers(events, late_s)}))
    return root


def _markers(events: Sequence[Event], late_s: float) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    found: list[dict[str, object]] = []
    for onset, kind, picture, n in events:
        late = rng.uniform(-late_s, late_s)
        began = (BEGAN + timedelta(seconds=onset + late)).isoformat()
        found.append({"deleted": False, "index": n, "label": kind, "startDatetime": began, "value": picture})
    return found


def _n_times(events: Sequence[Event]) -> int:
    return (int(events[-1][0]) + 3) * SFREQ


def _signal(events: Sequence[Event], root: Path, seed: int) -> np.ndarray:
    names = pictures(root, "train") + pictures(root, "test")
    shown = [event for event in events if event[1].startswith("stim")]
    rows = [round(event[0] * SFREQ) for event in shown]
    return recording(rows, [names[event[2]] for event in shown], 32, _n_times(events), SFREQ, seed)
