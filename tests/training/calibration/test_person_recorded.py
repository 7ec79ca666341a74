"""Real recordings: a headband put on wrongly is made good by two minutes of flicker."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from realtime.recordings.recording import Recording
from training.calibration.person import decode_folds, fit_to_person, held_out_figures
from training.data.dataset import load_dataset, load_split
from training.fit.fit_method import TrainingJob
from training.fit.train import train
from training.runs.recipes import small
from training.runs.run import Run

DATASET = Path(__file__).parents[3] / "datasets" / "ssvep.yaml"
pytestmark = pytest.mark.skipif("GLIMPSE_DATA" not in os.environ, reason="GLIMPSE_DATA names no folder of recordings")


def worn_wrongly(recording: Recording) -> Recording:
    """The same block with the electrode at the back and one at the ear exchanged, and other gains."""
    order = list(range(len(recording.ch_names)))
    back, ear = (recording.ch_names.index(name) for name in ("POz", "TP9"))
    order[back], order[ear] = ear, back
    gains = np.exp(0.5 * np.random.default_rng(0).standard_normal(len(order)))
    return replace(recording, samples=(recording.samples[:, order] * gains).astype(np.float32))


def test_calibration_on_flicker_repairs_exchanged_electrodes(tmp_path):
    """Trained on blocks 1 and 2 as worn, calibrated on block 3 and tested on block 4 worn wrongly."""
    dataset = load_dataset(DATASET)
    files = sorted(str(path) for path in Path(os.environ["GLIMPSE_DATA"], "muse_ssvep").glob("block*.csv"))
    parts = {"train": tuple(files[:2]), "valid": (files[2],), "test": (files[3],)}
    dataset = dataset.model_copy(update={"files": dataset.files.model_copy(update=parts)})
    without = dataset.model_copy(update={"files": dataset.files.model_copy(update={"valid": (), "test": ()})})
    run = train(TrainingJob(without, replace(small(), network="shallow", options={}), tmp_path / "run"))
    [third], [fourth] = (list(map(worn_wrongly, load_split(dataset, split))) for split in ("valid", "test"))
    fitted = fit_to_person(run, [third], tmp_path, print)
    assert fitted.mixed

    def figures(one: Run) -> dict:
        return held_out_figures(one, [(decode_folds(one, [fourth]), one.calibration)])

    before, after = figures(run), figures(fitted.run)
    assert after["n_trials"] == 33
    assert after["accuracy"] >= max(0.9, before["accuracy"])
    assert after["log_loss"] < 0.6 * before["log_loss"]
