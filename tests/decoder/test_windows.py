"""The window cutter: zeros beyond the ends, and which columns are real."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoder.windows import cut_window

SIGNAL = np.arange(1, 21, dtype=np.float32).reshape(2, 10)


@given(st.integers(-30, 30), st.integers(0, 30))
def test_each_column_is_the_sample_at_its_place_or_zero(first: int, n_times: int) -> None:
    window, real = cut_window(SIGNAL, first, n_times)
    assert (window.shape, window.dtype, real.shape) == ((2, n_times), np.float32, (n_times,))
    for column in range(n_times):
        inside = 0 <= first + column < 10
        assert real[column] == inside
        np.testing.assert_array_equal(window[:, column], SIGNAL[:, first + column] if inside else 0)


@pytest.mark.parametrize(("first", "n_times"), [(0, 10), (3, 4)])
def test_a_window_is_a_copy(first: int, n_times: int) -> None:
    signal = SIGNAL.copy()
    window, _ = cut_window(signal, first, n_times)
    window[:] = 0
    np.testing.assert_array_equal(signal, SIGNAL)
