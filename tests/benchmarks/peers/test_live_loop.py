"""The peer gets what a lab would give it."""

import numpy as np
import pytest
from scipy.signal import butter

from benchmarks.peers.live_loop import ORDER, PASSBAND_HZ, prepare_window


def test_a_window_is_referenced_filtered_without_delay_and_scaled():
    time = np.arange(500) / 250.0
    rhythm = np.sin(2 * np.pi * 10 * time)
    window = np.stack([7 * rhythm, -7 * rhythm, 0 * rhythm]) + 1000 + 50 * np.sin(2 * np.pi * 100 * time)
    actual = prepare_window(window, butter(ORDER, PASSBAND_HZ, "bandpass", fs=250.0, output="sos"))
    assert actual.dtype == np.float32
    assert actual[0].std() == pytest.approx(1, abs=0.01)
    assert np.corrcoef(actual[0, 100:400], rhythm[100:400])[0, 1] > 0.99
