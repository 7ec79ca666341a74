"""The map from vectors to responses is what little many noisy trials tell, and not their noise."""

import numpy as np
import pytest

from decoder.closed_form.evoked_model import (
    channel_basis,
    cosine_basis,
    fit_evoked_model,
    inverse,
    orthonormal_basis,
    posterior_map,
)

CHANNELS, BUMPS, DIRECTIONS = 6, 16, 40


def seen(rng: np.random.Generator, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of a few sources with a few time courses, what is seen of them, and the size of each direction."""
    space, time = rng.standard_normal((CHANNELS, 2)), rng.standard_normal((BUMPS, 3))
    weights = np.einsum("cs,tp,dsp->dct", space, time, rng.standard_normal((DIRECTIONS, 2, 3)))
    weights = weights.reshape(DIRECTIONS, -1) / weights.std()
    size = np.geomspace(3, 0.3, DIRECTIONS)
    return weights, size[:, None] * weights + np.sqrt(noise) * rng.standard_normal(weights.shape), size


def test_the_map_is_nearer_the_truth_than_least_squares_and_than_any_one_ridge():
    weights, observed, size = seen(np.random.default_rng(0), noise=4.0)
    found = posterior_map(observed, size, 4.0, np.eye(CHANNELS * BUMPS), CHANNELS)
    ridges = [size[:, None] * observed / (size[:, None] ** 2 + ridge) for ridge in np.geomspace(1e-3, 1e3, 25)]
    best = min(((ridge - weights) ** 2).mean() for ridge in ridges)
    assert ((found - weights) ** 2).mean() < 0.5 * best


def test_weights_fitted_to_noise_alone_are_near_zero():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((DIRECTIONS, CHANNELS * BUMPS))
    found = posterior_map(noise, np.ones(DIRECTIONS), 1.0, np.eye(CHANNELS * BUMPS), CHANNELS)
    assert (found**2).mean() < 0.05 * (noise**2).mean()


def test_bumps_are_equally_spaced_on_the_log_time_scale():
    total = cosine_basis(125, 125.0).sum(axis=1)
    inside = slice(round(0.1 * 125), round(0.65 * 125))
    np.testing.assert_allclose(total[inside], 2.0, rtol=0.02)


def test_a_covariance_with_empty_directions_has_a_finite_inverse():
    assert np.isfinite(inverse(np.diag([1.0, 0.0]))).all()


def test_sums_of_trials_give_the_same_fit_as_all_trials():
    """Labels shown unequally often: the map, the mean and the noise are found from sums alone."""
    rng = np.random.default_rng(2)
    heard = channel_basis(3, 50, 50.0)
    axes, gain = orthonormal_basis(heard.reshape(len(heard), -1))
    np.testing.assert_allclose(axes.T @ axes, np.eye(48), atol=1e-6)
    np.testing.assert_allclose(axes @ gain, heard.reshape(48, -1).T, atol=1e-5)
    vectors = rng.standard_normal((25, 4)) + 1
    true = np.einsum("d,k->dk", rng.standard_normal(4), gain[5])
    labels = np.repeat(np.arange(25), rng.integers(30, 90, 25))
    trials = vectors[labels] @ true + 3 + 2 * rng.standard_normal((len(labels), 48))
    sums = np.stack([trials[labels == label].sum(axis=0) for label in range(25)])
    found = fit_evoked_model(sums, np.bincount(labels).astype(float), float((trials**2).sum()), vectors, gain, 3)
    assert found.noise == pytest.approx(2, rel=0.02)
    np.testing.assert_allclose(found.centre, vectors[labels].mean(axis=0))
    assert np.square(found.weights - true / 2).sum() < 0.1 * np.square(true / 2).sum()
    energy = np.square((vectors - found.centre) @ true / 2).sum(axis=1)
    assert found.strongest == pytest.approx(energy.max(), rel=0.2)


def test_labels_with_equal_vectors_are_refused():
    with pytest.raises(ValueError, match="the vectors of all labels are the same"):
        fit_evoked_model(np.ones((2, 16)), np.array([2.0, 2.0]), 40.0, np.ones((2, 3)), np.eye(16), 1)
