"""What channels are worth: costs that are known are found, and a real fit finds the channels that carry the labels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from glimpse import cli
from realtime.bundle.bundle import Bundle
from realtime.bundle.calibration import BAD_COST
from realtime.recordings.recording import Recording
from tests.helpers.rhythm_dataset import write_experiment, write_session
from training.calibration.channel_costs import (
    MAX_S,
    MAX_SETS,
    MAX_TRIALS,
    draw_channel_sets,
    first_minutes,
    fit_channel_costs,
    fit_costs,
)
from training.data.dataset import load_dataset, load_split
from training.runs.run import Run

N_TRIALS, N_LABELS = 400, 4


def answered(costs, sets, seed=0):
    """Inner products under which the labels are as likely as `costs` make them."""
    rng = np.random.default_rng(seed)
    target = rng.integers(N_LABELS, size=N_TRIALS)
    inner = []
    for bad in sets:
        factor = 1 / (1 + costs[bad].sum())
        scores = 2 * rng.standard_normal((4000, N_LABELS))
        label = np.array([rng.choice(N_LABELS, p=p) for p in softmax(factor * scores, axis=-1)])
        inner.append(np.array([scores[rng.choice(np.flatnonzero(label == k))] for k in target]))
    return np.array(inner), target


def costs_of(run, recordings):
    """The costs, and what was reported."""
    sentences: list[str] = []
    return fit_channel_costs(Run.load(run), recordings, sentences.append), "\n".join(sentences)


def test_the_fit_recovers_the_costs_of_the_data():
    costs = np.array([0.0, 0.3, 2.0, 0.0, 1.0, 0.1])
    sets = np.random.default_rng(1).random((60, 6)) < 0.35
    found = fit_costs(*answered(costs, sets), sets)
    np.testing.assert_allclose(found, costs, atol=0.35)
    assert found.argmax() == 2


def test_without_trials_every_channel_has_an_equal_cost():
    sets = draw_channel_sets(8)
    found = fit_costs(np.zeros((len(sets), 5, 3), np.float32), np.zeros(5, int), sets)
    np.testing.assert_allclose(found, BAD_COST / 8, atol=1e-3)


@pytest.mark.parametrize("n_channels", [1, 4, 64, 306])
def test_sets_have_up_to_half_of_the_channels_and_are_the_same_each_time(n_channels):
    sets = draw_channel_sets(n_channels)
    sizes = sets.sum(axis=1)
    assert len(sets) == min(2 * n_channels, MAX_SETS)
    assert sizes.min() == 1
    assert sizes.max() <= max(1, n_channels // 2)
    if n_channels >= 64:
        assert sizes.max() > n_channels // 4
        assert sets.any(axis=0).all()
    np.testing.assert_array_equal(sets, draw_channel_sets(n_channels))


def test_the_channel_that_carries_the_labels_costs_most(tmp_path):
    """Only Oz has a rhythm; the others are noise, and there is no average that would spread it."""
    data = write_experiment(tmp_path, preprocess={"reference": "none"})
    write_session(tmp_path / "c.npz", seed=9, n_trials=80)
    for seed, file in enumerate(sorted(tmp_path.glob("*.npz"))):
        arrays = dict(np.load(file))
        arrays["samples"][:, :3] = 5 * np.random.default_rng(seed).standard_normal((len(arrays["samples"]), 3))
        np.savez(file, **arrays)
    assert cli.main(["train", "--data", str(data), "--network", "shallow", "--out", str(tmp_path / "run")]) == 0
    costs, said = costs_of(tmp_path / "run", load_split(load_dataset(data), "valid"))
    assert costs[3] > max(costs[:3]) + 1, costs
    assert "from the loss of Oz" in said


def test_the_command_writes_what_the_function_finds(trained):
    costs, _ = costs_of(trained.run, load_split(load_dataset(trained.data), "valid"))
    assert costs == Bundle.load(trained.bundle).calibration.bad_cost


def recording(seconds, marks=(), gaps=()):
    return Recording(
        np.zeros((round(seconds * 10), 2), np.float32), 10.0, ("a", "b"), tuple(marks), tuple(gaps), "made-up"
    )


def test_channel_costs_use_only_the_first_minutes():
    long = recording(MAX_S + 50, [(5, "x"), (round(MAX_S * 10) + 1, "y")], [(7, 3), (round(MAX_S * 10) + 2, 1)])
    [kept] = first_minutes([long, recording(20)])
    assert (len(kept.samples), kept.markers, kept.gaps) == (round(MAX_S * 10), ((5, "x"),), ((7, 3),))
    first, second = first_minutes([recording(MAX_S - 10), recording(20)])
    assert (first.duration_s, second.duration_s) == (MAX_S - 10, 10)


def test_channel_costs_use_only_the_first_trials():
    many = [(k, "x") for k in range(MAX_TRIALS + 5)]
    [kept] = first_minutes([recording(60, many), recording(20, many)])
    assert (len(kept.samples), kept.markers) == (MAX_TRIALS, tuple(many[:MAX_TRIALS]))
    first, second = first_minutes([recording(60, many[:-10]), recording(60, many)])
    assert (len(first.markers), len(second.markers)) == (MAX_TRIALS - 5, 5)
    assert (len(first.samples), len(second.samples)) == (600, 5)


def test_channel_costs_without_trials_are_reported_as_unknown(trained):
    [one] = load_split(load_dataset(trained.data), "valid")
    costs, said = costs_of(trained.run, [replace(one, markers=())])
    assert costs == ()
    assert "not known: no trial in the first 300 s" in said
