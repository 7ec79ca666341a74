"""The closed-form reference learns what little many noisy trials tell, and not their noise."""

import numpy as np

from benchmarks.zero_shot_linear import bumps, inverse, map_of

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
    found = map_of(observed, size, 4.0, np.eye(CHANNELS * BUMPS), CHANNELS)
    ridges = [size[:, None] * observed / (size[:, None] ** 2 + ridge) for ridge in np.geomspace(1e-3, 1e3, 25)]
    best = min(((ridge - weights) ** 2).mean() for ridge in ridges)
    assert ((found - weights) ** 2).mean() < 0.5 * best


def test_noise_alone_teaches_nothing():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((DIRECTIONS, CHANNELS * BUMPS))
    found = map_of(noise, np.ones(DIRECTIONS), 1.0, np.eye(CHANNELS * BUMPS), CHANNELS)
    assert (found**2).mean() < 0.05 * (noise**2).mean()


def test_bumps_cover_the_response_evenly_on_their_own_scale():
    total = bumps(125, 125.0).sum(axis=1)
    inside = slice(round(0.1 * 125), round(0.65 * 125))
    np.testing.assert_allclose(total[inside], 2.0, rtol=0.02)


def test_a_covariance_with_empty_directions_has_a_finite_inverse():
    assert np.isfinite(inverse(np.diag([1.0, 0.0]))).all()
