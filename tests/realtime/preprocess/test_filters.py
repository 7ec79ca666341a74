import pytest

from tests.helpers.preprocessing import power_db


@pytest.mark.parametrize(("sfreq", "hz"), [(160, 10), (256, 10), (250, 4), (1000, 30), (128, 20)])
def test_the_band_of_interest_passes(sfreq, hz):
    assert abs(power_db(sfreq, hz)) < 1.0


@pytest.mark.parametrize("sfreq", [160, 250, 256, 1000])
def test_the_notch_removes_line_noise(sfreq):
    """60 Hz behind the notch is below -60 dB; without a notch the 40 Hz low-pass alone takes over 13 dB."""
    assert power_db(sfreq, 60.0, notch_hz=60.0, lowpass_hz=None, sfreq=float(min(sfreq, 250))) < -60
    assert power_db(sfreq, 60.0) < -13


def test_the_high_pass_removes_drift():
    assert power_db(256, 0.1) < -35
