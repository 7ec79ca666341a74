"""A small folder of THINGS-MEG: the first events of real runs, with simulated CTF recordings or epochs."""

import csv
import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np
import pytest

from tests.helpers.published.ctf import REFERENCE, SENSOR, STIMULUS, write_ctf
from tests.helpers.published.signals import response, topography

DROPPED = "MRO11-1609"
SENSORS = [f"ML{part}{i + 1}-1609" for part in "CFOPT" for i in range(55)][:271] + [DROPPED]
OTHERS = {"BG1-1609": REFERENCE, "BG2-1609": REFERENCE, "UPPT001": STIMULUS}
SUBJECT = "sub-BIGMEG1"


def picture_names(shared: Path) -> list[str]:
    """Names of all 26,107 pictures, in the order of their numbers."""
    with gzip.open(shared / "things_eeg2_meta" / "things_image_files.txt.gz", "rt") as file:
        return [line.strip() for line in file if line.strip()]


def _events(shared: Path, day: int, run: int, n: int) -> list[dict[str, str]]:
    path = shared / "things_meg_meta" / SUBJECT / f"ses-{day:02d}" / "meg"
    with (path / f"{SUBJECT}_ses-{day:02d}_task-main_run-{run:02d}_events.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))[:n]


def _write_tables(root: Path, shared: Path, shown: Sequence[tuple[int, int, dict[str, str]]]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name in ("CHANGES", "dataset_description.json"):
        shutil.copy(shared / "things_meg_meta" / name, root)
    names = picture_names(shared)
    (root / "sourcedata").mkdir(exist_ok=True)
    with (root / "sourcedata" / "sample_attributes_P1.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["trial_type", "session_nr", "run_nr", "image_nr", "things_image_nr", "image_path"])
        for day, run, row in shown:
            catch = row["trial_type"] == "catch"
            number = "999999" if catch else row["value"]
            name = "images_catch_meg/1.jpg" if catch else f"images_meg/{names[int(float(number)) - 1]}"
            writer.writerow([row["trial_type"], day, run, number, "" if catch else number, name])


def write_raw(root: Path, shared: Path, n_events: int = 6, n_sensors: int = 272) -> Path:
    """Write run 1 of days 1 and 2, as far as the first events go."""
    names, shown = picture_names(shared), []
    sensors = SENSORS[:n_sensors]
    for day in (1, 2):
        rows = _events(shared, day, 1, n_events)
        shown += [(day, 1, row) for row in rows]
        folder = root / SUBJECT / f"ses-{day:02d}" / "meg"
        folder.mkdir(parents=True)
        stem = f"{SUBJECT}_ses-{day:02d}_task-main_run-01"
        with (folder / f"{stem}_events.tsv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
        n_times = int(rows[-1]["sample"]) + 1800
        samples = np.random.default_rng(day).standard_normal((n_times, len(sensors) + len(OTHERS))) * 1e-13
        samples[:, -1] = 0
        for row in rows:
            at = int(row["sample"])
            samples[at : at + 600, -1] = 64
            if row["trial_type"] != "catch":
                wave = response(1200.0)[:, None] * topography(names[int(float(row["value"])) - 1], len(sensors))
                samples[at : at + len(wave), : len(sensors)] += wave * 2e-13
        kinds = [SENSOR] * len(sensors) + list(OTHERS.values())
        write_ctf(folder / f"{stem}_meg.ds", samples, [*sensors, *OTHERS], kinds, 1200.0)
        (folder / f"{SUBJECT}_ses-{day:02d}_task-main_run-01_hz.ds").mkdir()  # head position, not data
    _write_tables(root, shared, shown)
    return root


def write_epochs(root: Path, shared: Path, n_events: int = 20, n_channels: int = 271) -> Path:
    """Write the four parts of the epoched file of subject 1: first events of two real days, as days 1 and 12."""
    pandas = pytest.importorskip("pandas")  # MNE keeps the trial table as a data frame

    shown = [(day, 1, row) for day, real in ((1, 1), (12, 2)) for row in _events(shared, real, 1, n_events)]
    _write_tables(root, shared, shown)
    codes = [999999 if row["trial_type"] == "catch" else int(float(row["value"])) for _, _, row in shown]
    data = np.random.default_rng(0).standard_normal((len(codes), n_channels, 281)).astype(np.float32)
    info = mne.create_info([name for name in SENSORS if name != DROPPED or n_channels > 271][:n_channels], 200.0, "mag")
    events = np.array([[1000 * (i + 1), 0, code] for i, code in enumerate(codes)])
    table = pandas.DataFrame(
        [{"trial_type": row["trial_type"], "session_nr": day, "run_nr": run} for day, run, row in shown]
    )
    epochs = mne.EpochsArray(data, info, events, tmin=-0.1, metadata=table, verbose="error")
    folder = root / "derivatives" / "preprocessed"
    folder.mkdir(parents=True)
    size = data.nbytes // 2
    while len(list(folder.glob("*.fif"))) < 4:  # smaller parts until there are as many as published
        epochs.save(folder / "preprocessed_P1-epo.fif", split_size=size, overwrite=True, verbose="error")
        size -= 200_000
    return root
