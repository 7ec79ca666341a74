"""Directed measures find drivers; their model equals that of mne-connectivity."""

import numpy as np
import pytest

from realtime.errors import BadInput
from tests.helpers.coupled_signals import SFREQ, driven_chain
from training.connectivity.autoregressive import granger, lag_weights, pdc

BANDS = ((1.0, 60.0),)


@pytest.mark.parametrize("kind", ["granger", "pdc"])
def test_a_driver_is_in_the_row_of_the_driven_and_a_chain_has_no_shortcut(kind):
    result = granger(driven_chain()) if kind == "granger" else pdc(driven_chain(), SFREQ, BANDS)[0]
    planted = np.zeros((4, 4), bool)
    planted[1, 0] = planted[2, 1] = True
    assert result[planted].min() > 0.15
    assert result[~planted].max() < 0.1


def test_granger_is_the_log_ratio_of_variances_of_two_fits():
    """Least squares twice, with and without the driver."""
    x = np.concatenate(driven_chain(), axis=1)
    result = granger([x])[1, 0]
    centred = x - x.mean(axis=1, keepdims=True)
    past = np.concatenate([centred[:, 8 - lag : -lag] for lag in (1, 2)])

    def variance(regressors: np.ndarray) -> float:
        present = centred[1, 8:]
        return float(np.var(present - np.linalg.lstsq(regressors.T, present)[0] @ regressors))

    assert result == pytest.approx(np.log(variance(past[[1, 2, 3, 5, 6, 7]]) / variance(past)), rel=1e-3)


def test_pdc_does_not_depend_on_amplitude():
    loud = [np.array([1.0, 1.0, 1.0, 1000.0])[:, None] * x for x in driven_chain()]
    np.testing.assert_allclose(pdc(loud, SFREQ, BANDS), pdc(driven_chain(), SFREQ, BANDS), atol=1e-8)


def test_too_few_samples_for_an_autoregressive_model_are_refused():
    with pytest.raises(BadInput, match="32 samples of 4 channels with a past .* 40 or more are needed"):
        granger([driven_chain()[0][:, :40]])


def test_a_channel_that_is_the_sum_of_others_is_refused():
    x = driven_chain()[0]
    x[3] = x[0] + x[1]
    with pytest.raises(BadInput, match="covariance of 4 channels has rank 3, 4 is needed"):
        pdc([x], SFREQ, BANDS)


def test_the_autoregressive_model_equals_that_of_mne_connectivity():
    connectivity = pytest.importorskip("mne_connectivity")
    x = np.concatenate(driven_chain(), axis=1)
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    weights = lag_weights([x])
    model = connectivity.vector_auto_regression(x[None], lags=len(weights), model="dynamic", verbose="error")
    np.testing.assert_allclose(weights, np.moveaxis(model.get_data()[0], -1, 0), atol=5e-3)
