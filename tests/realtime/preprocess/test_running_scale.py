import numpy as np

from realtime.preprocess.running_scale import RunningScale
from tests.helpers.preprocessing import in_chunks


def test_the_running_scale_is_about_one_and_robust_to_a_burst():
    scale = RunningScale(128.0, 30.0, 8.0)
    x = np.random.default_rng(0).normal(size=(128 * 90, 3)) * [5.0, 20.0, 3000.0]
    y, _ = in_chunks(scale, x, scale.start(x[0]))
    np.testing.assert_allclose(y[128 * 30 :].std(axis=0), 1.0, atol=0.1)
    burst = x.copy()
    burst[6000:6128] *= 1000
    z, _ = in_chunks(scale, burst, scale.start(x[0]))
    assert np.abs(z).max() == 8.0
    np.testing.assert_allclose(z[6128:].std(axis=0), 1.0, atol=0.3)


def test_a_flat_channel_is_not_amplified_into_noise():
    scale, x = RunningScale(128.0, 30.0, 8.0), np.random.default_rng(0).normal(size=(5000, 1)) * 1e-4
    assert np.abs(in_chunks(scale, x, scale.start(x[0]))[0]).max() < 0.05
