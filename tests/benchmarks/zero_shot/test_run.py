"""The zero-shot task asks about concepts never shown in training, under a ceiling that knows the truth."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.zero_shot.ceiling import noise_lags
from benchmarks.zero_shot.methods import METHODS, train_by_descent
from benchmarks.zero_shot.run import AVERAGED, zero_shot
from benchmarks.zero_shot.simulation import (
    CHANNELS,
    SFREQ,
    lvis_vectors,
    simulate_session,
    simulate_sessions,
)
from benchmarks.zero_shot.splits import TaskSizes, split_concepts
from realtime.simulation.brain import SimulatedBrain
from training.runs.recipe import Recipe

TINY = TaskSizes(n_test=12, n_valid=6, train_each=10, valid_each=4, test_each=10)


def some_vectors(n: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((n, 6))


@pytest.fixture(scope="module")
def found() -> dict:
    quick = {"losses": {"cross_entropy": 1.0}, "mixup": 0.0, "hop_samples": 5, "lead_s": 0.2, "batch": 16}
    methods = {
        "matched_filter": METHODS["matched_filter"],
        "streaming": train_by_descent(Recipe(network="lf_cnn", **quick)),
        "window": train_by_descent(Recipe(network="flat_mlp", options={"width": 16}, **quick)),
    }
    return zero_shot(some_vectors(30), TINY, methods, snr=0.5, say=lambda line: None)


def test_splits_share_no_concept_and_use_all():
    concepts = split_concepts(1203, TaskSizes(), seed=0)
    assert len(concepts.test) == 200
    together = np.concatenate([concepts.train, concepts.valid, concepts.test])
    assert np.array_equal(np.sort(together), np.arange(1203))


def test_another_seed_gives_other_splits():
    assert set(split_concepts(1203, TaskSizes(), 0).test) != set(split_concepts(1203, TaskSizes(), 1).test)


def test_only_the_given_concepts_are_shown_each_equally_often():
    brain = SimulatedBrain(CHANNELS, SFREQ, some_vectors(9))
    labels = np.concatenate([session.labels for session in simulate_sessions(brain, np.array([2, 5, 7]), 4, (0,))])
    assert np.bincount(labels, minlength=9).tolist() == [0, 0, 4, 0, 0, 4, 0, 4, 0]


def test_evoked_activity_follows_the_onsets_of_the_session():
    """The mean over trials of a strong response is that response."""
    brain = SimulatedBrain(CHANNELS, SFREQ, some_vectors(3), snr=20.0)
    (session,) = simulate_sessions(brain, np.array([1]), 12, (0,))
    window = session.onsets[:, None] + np.arange(len(brain.evoked(1)))
    mean = session.samples[window].mean(axis=0)
    assert np.corrcoef(mean.ravel(), brain.evoked(1).ravel())[0, 1] > 0.98


def test_the_noise_covariance_is_the_simulations_own():
    """Within the spread of 15 minutes of noise, at lags where alpha, blinks and slow noise dominate in turn."""
    brain = SimulatedBrain(CHANNELS, SFREQ, some_vectors(2))
    noise, lags = simulate_session(brain, 1, 900.0)[2500:].astype(float), noise_lags(brain, 60)
    noise -= noise.mean(axis=0)
    for lag in (0, 1, 12, 25, 50):
        measured = noise[lag:].T @ noise[: len(noise) - lag] / (len(noise) - lag)
        size = np.sqrt(np.outer(np.diag(lags[0]), np.diag(lags[0])))
        assert np.abs((measured - lags[lag]) / size).max() < 0.12


def test_the_ceiling_is_above_chance_and_grows_with_repetitions(found):
    ceiling = [found["ceiling"][n]["top1"] for n in ("1", "4", "10")]
    assert found["chance"]["top1"] < 0.5 * ceiling[0]
    assert ceiling == sorted(ceiling)
    assert ceiling[0] < ceiling[-1]


def test_every_method_has_figures_at_every_number_of_repetitions(found):
    assert list(found["repetitions"]) == ["1", "4", "10"]  # 80 were not shown
    for methods in found["repetitions"].values():
        assert set(methods) == {"matched_filter", "streaming", "window"}
        for figures in methods.values():
            assert 0 <= figures["top1"] <= figures["top5"] <= 1
    assert all(about["averaged"] in AVERAGED for about in found["methods"].values())


def test_no_method_beats_the_ceiling(found):
    for n, methods in found["repetitions"].items():
        for figures in methods.values():
            assert figures["top1"] <= found["ceiling"][n]["top1_ci95"][1]


def test_real_vectors_give_the_documented_ceiling():
    """The ceiling's top-5 after one trial is 0.85 at the simulator's strength and 0.3 at 0.45 of it."""
    if not os.environ.get("GLIMPSE_DATA"):
        pytest.skip("set GLIMPSE_DATA to a folder with clip/detic_vitb32_text, from github.com/facebookresearch/Detic")
    vectors = lvis_vectors(Path(os.environ["GLIMPSE_DATA"]))
    assert vectors.shape == (1203, 512)
    sizes = replace(TaskSizes(), train_each=1, valid_each=1, test_each=2)
    for snr, top5 in ((1.0, 0.85), (0.45, 0.3)):
        found = zero_shot(vectors, sizes, methods={}, snr=snr, say=lambda line: None)
        assert found["ceiling"]["1"]["top5"] == pytest.approx(top5, abs=0.06)
