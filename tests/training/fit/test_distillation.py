"""The flat MLP and its like: trained on whole windows, decoded at their end, never exported, and good teachers."""

import numpy as np
import pytest
import torch

from glimpse import cli
from realtime.errors import BadInput
from tests.helpers.rhythm_dataset import write_experiment
from training.data.crops import crops_of, window_crops
from training.data.dataset import load_dataset, load_split
from training.data.segments import event_samples, preprocess_recording
from training.evaluate.whole_windows import decode_windows
from training.export.bundle import export_bundle
from training.fit.distillation import teacher_embeddings
from training.runs.run import Run

FLAT = ("--network", "flat_mlp", "--options", "width=16")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> tuple:
    """A dataset and the run of a flat MLP on it."""
    folder = tmp_path_factory.mktemp("flat")
    data, out = write_experiment(folder, window_s=[0.1, 0.9]), folder / "run"
    assert cli.main(["train", "--data", str(data), "--out", str(out), *FLAT, "--epochs", "25"]) == 0
    return load_dataset(data), Run.load(out)


def test_a_flat_mlp_is_trained_on_windows_and_learns(experiment):
    """What it was shown: each trial's rhythm has a phase of its own, which a flat layer cannot leave out."""
    dataset, run = experiment
    assert not run.streaming
    assert run.description.network["config"]["window_s"] == pytest.approx(0.8)
    assert run.calibration.n_trials == 16
    decoded = decode_windows(run, load_split(dataset, "train"))
    assert (decoded.logits.argmax(axis=1) == decoded.label[decoded.trial]).mean() > 0.9


def test_a_whole_window_network_decides_once_a_trial_at_the_windows_end(experiment):
    dataset, run = experiment
    recordings = load_split(dataset, "valid") + load_split(dataset, "test")
    decoded = decode_windows(run, recordings)
    marks = [mark for recording in recordings for mark in event_samples(recording)]
    assert len(decoded.logits) == len(decoded.label) == len(marks) == 32
    assert (decoded.since_onset_s == 0.9).all()
    assert decoded.trial.tolist() == list(range(32))
    assert decoded.sample.tolist() == [onset + round(0.9 * 128) for onset, _ in marks]
    assert decoded.recording.tolist() == [0] * 16 + [1] * 16
    assert [run.description.labels[i] for i in decoded.label] == [label for _, label in marks]


def test_the_input_of_a_whole_window_network_is_the_window(experiment):
    dataset, run = experiment
    segments = preprocess_recording(load_split(dataset, "valid")[0], run.make_frontend(), run.description.labels)
    crops = window_crops(segments, run.description.preprocess["sfreq"], (0.1, 0.9))
    signal, onset, counts = crops.cut(3, 0)
    begin = segments[0].onsets[3] + round(0.1 * 128)  # the recording runs at the network's rate
    np.testing.assert_array_equal(signal, segments[0].signal[:, begin : begin + round(0.8 * 128)])
    assert (onset.tolist(), counts.tolist()) == ([pytest.approx(0.9)], [True])


def test_a_whole_window_network_is_not_exported(experiment, tmp_path, capsys):
    _, run = experiment
    with pytest.raises(BadInput, match="flat_mlp needs a trial's whole window at once, so it cannot decode live"):
        export_bundle(run, tmp_path / "bundle", {})
    assert cli.main(["export", str(run.path), str(run.path), "--out", str(tmp_path / "bundle")]) == 2
    assert "cannot decode live" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_teacher_embeddings_are_those_of_each_crops_own_window(experiment):
    dataset, run = experiment
    segments = preprocess_recording(load_split(dataset, "train")[0], run.make_frontend(), run.description.labels)
    crops = crops_of(segments, run.make_frontend(), (0.1, 0.9), lead_s=0.5)
    want = decode_windows(run, load_split(dataset, "train")[:1]).embedding
    np.testing.assert_allclose(teacher_embeddings(run, crops), want, atol=1e-5)


def test_a_streaming_teachers_embedding_is_that_of_the_last_hop_in_the_mask(trained):
    run = Run.load(trained.run)
    segments = preprocess_recording(
        load_split(load_dataset(trained.data), "train")[0], run.make_frontend(), run.description.labels
    )
    crops = crops_of(segments, run.make_frontend(), (0.0, 1.0), lead_s=0.5)
    signal, onset, counts = crops.cut(2, 0)
    last = int(np.flatnonzero(counts)[-1])
    with torch.inference_mode():
        want = run.load_trained()[0](torch.from_numpy(signal)[None], None, torch.from_numpy(onset)[None])[0][0, last]
    np.testing.assert_allclose(teacher_embeddings(run, crops)[2], want, atol=1e-4)


def test_a_flat_mlp_teaches_a_streaming_student(experiment, tmp_path):
    dataset, run = experiment
    argv = ["--data", str(dataset.path), "--out", str(tmp_path / "run"), "--network", "eegnet", "--epochs", "1"]
    assert cli.main(["train", *argv, "--teacher", str(run.path)]) == 0
    assert Run.load(tmp_path / "run").description.made_from == {"teacher": run.digest}
