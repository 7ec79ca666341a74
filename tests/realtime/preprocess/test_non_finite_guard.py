import numpy as np

from tests.helpers.preprocessing import chain, in_chunks, noise


def test_nan_repeats_the_last_good_value_and_is_counted():
    preprocess, x = chain(), noise(256 * 20)
    clean, _ = in_chunks(preprocess, x, preprocess.start())
    x[1000:1010, 1] = np.nan
    x[1005, 3] = -np.inf
    y, state = in_chunks(preprocess, x, preprocess.start())
    assert np.isfinite(y).all()
    assert state["guard.count"].tolist() == [0, 10, 0, 1, 0]
    np.testing.assert_allclose(y[-128:], clean[-128:], atol=0.02)
    held, _ = preprocess.guard.step(x[990:1020], preprocess.guard.start(x[990]))
    assert (held[10:20, 1] == x[999, 1]).all()


def test_a_stream_may_start_with_nan():
    preprocess, x = chain(), noise(2000)
    x[:50] = np.nan
    y, state = in_chunks(preprocess, x, preprocess.start(), [1, 30])
    assert np.isfinite(y).all()
    assert (state["guard.count"] == 50).all()
