import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.bundle.calibration import Calibration


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 3))
def test_the_factor_grows_with_the_time_since_onset_up_to_the_fitted_one(a, b, growth):
    calibration = Calibration(log_scale=1.0, log_growth=growth, uncued_log_scale=-2.0)
    early, late = calibration.scale(np.sort([a, b]), 1.0)
    assert early <= late + 1e-12
    assert calibration.scale(np.array(1.0), 1.0) == pytest.approx(np.e)
    assert calibration.scale(np.array(-1.0), 1.0) == pytest.approx(np.exp(-2))


def test_more_bad_channels_give_a_smaller_factor():
    factors = [Calibration().bad_channel_factor(np.arange(64) < n) for n in range(65)]
    assert factors[0] == 1
    assert (np.diff(factors) < 0).all()
    assert 0 < factors[63] < 0.2
    assert factors[64] == 0.01


def test_one_costly_bad_channel_lowers_confidence_more_than_many_cheap_ones():
    calibration = Calibration(bad_cost=(0.0, 0.1, 0.2, 3.0))
    assert calibration.bad_channel_factor(np.zeros(4, bool)) == 1
    assert calibration.bad_channel_factor(np.array([True, False, False, False])) == 1
    assert calibration.bad_channel_factor(np.array([False, True, True, False])) == pytest.approx(1 / 1.3)
    assert calibration.bad_channel_factor(np.array([False, False, False, True])) == pytest.approx(1 / 4)


def test_more_bad_channels_than_measured_never_raise_the_confidence():
    free = Calibration(bad_cost=(0.0,) * 64)
    for n in range(65):
        bad = np.arange(64) < n
        assert free.bad_channel_factor(bad) == (1 if n <= 32 else Calibration().bad_channel_factor(bad))
    assert Calibration(bad_cost=(9.0,) * 64).bad_channel_factor(np.arange(64) < 63) == pytest.approx(1 / (1 + 9 * 63))
