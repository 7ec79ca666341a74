"""The simulated person: the same signal for any chunking, realistic amplitudes, decodable labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from realtime.simulation.brain import SimulatedBrain, simulate

CH_NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2")


VECTORS = np.random.default_rng(7).standard_normal((12, 16))


LABELS = tuple("abcdefghijkl")


@pytest.fixture(scope="module")
def brain():
    return SimulatedBrain(CH_NAMES, 250.0, VECTORS, LABELS)


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_the_size_of_calls_changes_no_sample(brain, cuts, seed):
    whole, marks = simulate(brain, seed, sum(cuts) / 250)
    state, parts, found = brain.start(seed), [], []
    for n_times in cuts:
        samples, more = brain.step(state, n_times)
        parts.append(samples)
        found += more
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert found == marks


def test_a_seed_decides_noise_and_labels_but_not_the_brain(brain):
    one, marks = simulate(brain, 1, 20)
    again, same = simulate(SimulatedBrain(CH_NAMES, 250.0, VECTORS, LABELS), 1, 20)
    other, differ = simulate(brain, 2, 20)
    np.testing.assert_array_equal(one, again)
    assert marks == same
    assert marks != differ
    assert np.abs(one - other).max() > 10


def test_trials_come_every_1_4_seconds_and_never_twice_the_same(brain):
    _, marks = simulate(brain, 3, 200)
    onsets = np.array([onset for onset, _ in marks]) / 250
    assert np.diff(onsets).min() >= 1.29
    assert np.diff(onsets).max() <= 1.51
    assert {label for _, label in marks} == set(LABELS)
    assert all(a != b for (_, a), (_, b) in zip(marks, marks[1:], strict=False))


def test_amplitudes_are_those_of_a_scalp(brain):
    samples, _ = simulate(brain, 4, 60)
    rms = samples[2500:].std(axis=0)
    assert 8 < np.median(rms) < 20
    assert rms[:2].mean() > np.median(rms)  # blinks
    f, power = signal.welch(samples[2500:, CH_NAMES.index("Oz")], 250.0, nperseg=500)
    assert power[(f > 9) & (f < 11)].mean() > 1.5 * power[(f > 14) & (f < 18)].mean()  # alpha
    assert power[f == 50] > 3 * power[f == 47]  # mains


def test_evoked_potentials_are_a_fixed_linear_map_of_the_vectors():
    """The response to the mean of two unit vectors is the mean of the responses, at every electrode and time."""
    unit = VECTORS[:2] / np.linalg.norm(VECTORS[:2], axis=1, keepdims=True)
    middle = unit.mean(axis=0)
    scale = np.linalg.norm(middle)
    brain = SimulatedBrain(CH_NAMES, 250.0, np.vstack([unit, middle, -middle]))
    shared = (brain.evoked(2) + brain.evoked(3)) / 2
    expected = shared + ((brain.evoked(0) + brain.evoked(1)) / 2 - shared) / scale
    np.testing.assert_allclose(brain.evoked(2), expected, atol=1e-9)


def test_single_trials_can_be_decoded(brain):
    """Matched filters for the responses, whitened by the background, find far more than one label in twelve."""
    samples, marks = simulate(brain, 5, 120)
    sos = signal.butter(2, [1, 30], "bandpass", fs=250, output="sos")
    clean = signal.sosfilt(sos, samples.astype(float), axis=0)
    shapes = np.stack([signal.sosfilt(sos, brain.evoked(k), axis=0) for k in range(len(LABELS))])
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(clean[2500:].T)))
    shapes = (shapes - shapes.mean(axis=0)) @ whiten.T
    trials = [(k, label) for k, label in marks if k + 200 <= len(clean)]
    found = []
    for onset, _ in trials:
        score = np.einsum("tc,ltc->l", clean[onset : onset + 200] @ whiten.T, shapes)
        found.append(LABELS[np.argmax(score - (shapes**2).sum(axis=(1, 2)) / 2)])
    assert np.mean([a == label for a, (_, label) in zip(found, trials, strict=True)]) > 0.5
