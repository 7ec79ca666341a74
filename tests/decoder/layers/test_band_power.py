import math

import pytest
import torch

from decoder.layers.band_power import LogBandPower, gabor_bank

SFREQ = 128.0


def one_sensor() -> LogBandPower:
    layer = LogBandPower(1, SFREQ, hop=8, n_bands=5, n_sources=1, windows_s=(0.5, 1.0))
    with torch.no_grad():
        layer.spatial.fill_(1.0)
    return layer


@pytest.mark.parametrize("band", range(5))
def test_a_sine_shows_in_its_own_band_with_its_own_power(band: int) -> None:
    hz = 4.0 * 10 ** (band / 4)
    sine = 3 * torch.sin(2 * math.pi * hz * torch.arange(512) / SFREQ)
    features, _ = one_sensor()(sine[None, None])
    last = features[0, :, -1].unflatten(0, (2, 5))
    assert last.argmax(dim=1).tolist() == [band, band]
    torch.testing.assert_close(last[:, band].exp(), torch.full((2,), 9.0), rtol=0.05, atol=0)


def test_a_short_window_answers_sooner_than_a_long_one() -> None:
    sine = torch.sin(2 * math.pi * 4 * torch.arange(1024) / SFREQ)
    sine[:512] = 0
    features, _ = one_sensor()(sine[None, None])
    short, long = features[0, 0], features[0, 5]
    at = (512 + 64) // 8
    assert short[at] > long[at] + 0.3


def test_whitening_comes_before_the_spatial_filters_and_is_not_trained() -> None:
    torch.manual_seed(0)
    plain, white = LogBandPower(3, SFREQ, 8), LogBandPower(3, SFREQ, 8)
    white.load_state_dict(plain.state_dict())
    matrix = torch.randn(3, 3)
    white.whitening.copy_(matrix)
    x = torch.randn(2, 3, 256)
    torch.testing.assert_close(white(x)[0], plain(matrix @ x)[0], atol=1e-4, rtol=1e-4)
    assert "whitening" in dict(plain.named_buffers())
    assert "whitening" in plain.state_dict()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kernel_s": 0.001}, "kernel_s 0.001 holds 0 samples"),
        ({"windows_s": (0.5, 0.05)}, r"windows_s \(0.5, 0.05\) hold \[8, 1\] hops"),
        ({"band_hz": (40.0, 4.0)}, "needs a rising pair"),
        ({"band_hz": (60.0, 70.0)}, "needs a rising pair that begins below 57.6"),
    ],
)
def test_sizes_that_are_empty_at_the_rate_are_refused(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        LogBandPower(2, SFREQ, 8, **options)


def test_bands_stay_below_the_nyquist_frequency() -> None:
    """At a low rate the highest centre gives way instead of folding back."""
    bank = gabor_bank(4, 16, 32.0, (4.0, 40.0))
    spectrum = torch.fft.rfft(bank[-1, 0], 512).abs()
    assert spectrum.argmax() * 32.0 / 512 == pytest.approx(0.45 * 32, abs=0.5)
