"""The notch filter is switched on by line noise in the training data and by nothing else."""

import numpy as np
import pytest

from realtime.recordings.recording import Recording
from training.data.line_noise import choose_notch


def hum(line_hz: float | None, sfreq: float = 256, seconds: float = 20, seed: int = 0) -> Recording:
    samples = np.random.default_rng(seed).standard_normal((round(seconds * sfreq), 3))
    if line_hz:
        samples += np.sin(2 * np.pi * line_hz * np.arange(len(samples)) / sfreq)[:, None]
    return Recording(samples.astype(np.float32), sfreq, ("A", "B", "C"), (), (), "hum")


@pytest.mark.parametrize("line_hz", [50.0, 60.0])
def test_a_line_that_stands_out_is_found(line_hz):
    assert choose_notch([hum(line_hz), hum(line_hz, seed=1), hum(None)], None) == line_hz


def test_noise_alone_needs_no_notch():
    assert choose_notch([hum(None)], None) is None
    assert choose_notch([hum(10.0)], None) is None


def test_a_line_well_above_the_low_pass_gets_no_notch():
    assert choose_notch([hum(50.0)], 40.0) is None
    assert choose_notch([hum(50.0)], 47.0) == 50.0


def test_a_rate_that_cannot_hold_the_line_or_a_short_recording_is_no_error():
    assert choose_notch([hum(None, sfreq=100)], None) is None
    assert choose_notch([hum(50.0, seconds=1.2)], None) == 50.0
