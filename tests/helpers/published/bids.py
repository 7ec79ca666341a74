"""A small BIDS folder whose events name pictures."""

import json
from pathlib import Path

import numpy as np

from tests.helpers.published.brainvision import write_brainvision
from tests.helpers.published.signals import recording

CH_NAMES = ["Fp1", "Fp2", "O1", "Oz", "O2", "Pz", "HEOG"]
CONCEPTS = ["cat", "dog", "tree", "boat", "lamp", "shoe", "apple", "clock"]


def write_bids(root: Path, sessions: int = 1, unit: str = "m", factor: float = 1.0, runs: int = 1) -> Path:
    """Write recordings of 8 concepts with 3 pictures each; electrodes in metres times `factor`, said to be `unit`."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text('{"Name": "pictures", "BIDSVersion": "1.8.0"}\n')
    (root / "participants.tsv").write_text("participant_id\nsub-01\n")
    for session in range(1, sessions + 1):
        entity = f"_ses-{session:02d}" if sessions > 1 else ""
        folder = root / "sub-01" / (f"ses-{session:02d}/eeg" if sessions > 1 else "eeg")
        folder.mkdir(parents=True)
        for run in range(1, runs + 1):
            _write_run(folder, f"sub-01{entity}_task-pictures_run-{run:02d}", session * 10 + run)
        _write_electrodes(folder, f"sub-01{entity}", unit, factor)
    return root


def _write_run(folder: Path, stem: str, seed: int) -> None:
    shown = [f"{concept}/{concept}_{i:02d}.jpg" for concept in CONCEPTS for i in (1, 2, 3)]
    shown = [shown[i] for i in np.random.default_rng(seed).permutation(len(shown))]
    rows = [500 + 375 * i for i in range(len(shown))]
    samples = recording(rows, shown, len(CH_NAMES), rows[-1] + 600, 250.0, seed)
    write_brainvision(folder / f"{stem}_eeg.vhdr", samples, CH_NAMES, 250.0)
    lines = ["onset\tduration\ttrial_type\tstim_file", "0.5\t0.1\tfixation\tn/a"]
    lines += [f"{row / 250:.4f}\t0.2\tpicture\t{name}" for row, name in zip(rows, shown, strict=True)]
    (folder / f"{stem}_events.tsv").write_text("\n".join(lines) + "\n")
    lines = ["name\ttype\tunits\tstatus", *(f"{name}\tEEG\tµV\tgood" for name in CH_NAMES[:-1]), "HEOG\tEOG\tµV\tgood"]
    (folder / f"{stem}_channels.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sidecar = {"TaskName": "pictures", "SamplingFrequency": 250, "EEGReference": "Cz", "PowerLineFrequency": 50}
    (folder / f"{stem}_eeg.json").write_text(json.dumps(sidecar))


def _write_electrodes(folder: Path, stem: str, unit: str, factor: float) -> None:
    places = {
        "Fp1": (-0.03, 0.08, 0.0),
        "Fp2": (0.03, 0.08, 0.0),
        "O1": (-0.03, -0.09, 0.01),
        "Oz": (0.0, -0.1, 0.01),
        "O2": (0.03, -0.09, 0.01),
        "Pz": (0.0, -0.06, 0.08),
    }
    lines = ["name\tx\ty\tz"]
    lines += [f"{name}\t" + "\t".join(f"{axis * factor:.5f}" for axis in place) for name, place in places.items()]
    (folder / f"{stem}_space-CapTrak_electrodes.tsv").write_text("\n".join(lines) + "\n")
    system = {
        "EEGCoordinateSystem": "CapTrak",
        "EEGCoordinateUnits": unit,
        "AnatomicalLandmarkCoordinates": {"NAS": [0, 0.09, 0], "LPA": [-0.07, 0, 0], "RPA": [0.07, 0, 0]},
        "AnatomicalLandmarkCoordinateSystem": "CapTrak",
        "AnatomicalLandmarkCoordinateUnits": "m",
    }
    (folder / f"{stem}_space-CapTrak_coordsystem.json").write_text(json.dumps(system))
