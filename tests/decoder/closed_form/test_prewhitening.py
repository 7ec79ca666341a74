import numpy as np
import pytest

from decoder.closed_form.prewhitening import fit_prewhitening

MIX = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0]])


def coloured(n_times: int = 20_000, seed: int = 0) -> np.ndarray:
    """Three channels that share sources and remember their past."""
    x = MIX @ np.random.default_rng(seed).standard_normal((3, n_times))
    for t in range(2, n_times):
        x[:, t] += 1.2 * x[:, t - 1] - 0.5 * x[:, t - 2]
    return x.astype(np.float32)


def filtered(x: np.ndarray, taps: np.ndarray) -> np.ndarray:
    order = taps.shape[2] - 1
    lagged = np.stack([x[:, k : x.shape[1] - order + k] for k in range(order + 1)])
    return np.einsum("cdk,kdt->ct", taps, lagged)


def test_output_is_white_and_of_unit_variance() -> None:
    """Neither the past nor another channel says anything about what comes out, on a signal it was not fitted to."""
    taps = fit_prewhitening([coloured()], order=4, shrinkage=0.0)
    new = filtered(coloured(seed=1), taps)
    for lag in range(4):
        correlation = new[:, lag:] @ new[:, : new.shape[1] - lag].T / new.shape[1]
        assert np.abs(correlation - (np.eye(3) if lag == 0 else 0)).max() < 0.1


def test_shrinkage_falls_with_the_amount_of_signal() -> None:
    """One half for six minutes, as was best on real recordings; a fifteenth for hours."""
    six_minutes, hours = coloured(46_000), [coloured(46_000)] * 14
    np.testing.assert_allclose(fit_prewhitening([six_minutes], 4), fit_prewhitening([six_minutes], 4, shrinkage=0.5))
    np.testing.assert_allclose(fit_prewhitening(hours, 4), fit_prewhitening(hours, 4, shrinkage=1 / 15))


def test_a_sample_is_filtered_by_itself_and_its_past_alone() -> None:
    taps = fit_prewhitening([coloured()], order=4)
    assert taps.shape == (3, 3, 5)
    assert np.linalg.det(taps[:, :, -1]) > 0  # the newest sample comes through


def test_too_few_samples_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="100 training samples, needs 120 or more for an autoregression of order 4"):
        fit_prewhitening([coloured(100)], order=4)


def test_a_flat_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="power 0, needs more than 0"):
        fit_prewhitening([np.zeros((2, 1000), np.float32)], order=2)
