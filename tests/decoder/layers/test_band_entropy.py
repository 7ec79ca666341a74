import math

import pytest
import torch

from decoder.layers.band_entropy import BANDS_HZ, BandEntropy


def test_a_rhythm_raises_the_entropy_of_its_band_by_half_the_log_of_its_variance() -> None:
    layer = BandEntropy(1, 128.0, 8, kernel_s=2.0)
    time_s = torch.arange(128 * 8) / 128
    for i, (low, high) in enumerate(BANDS_HZ):
        wave = 3.0 * torch.sin(2 * math.pi * (low + high) / 2 * time_s)
        entropy = layer(wave[None, None])[0][0, -1]
        assert entropy.argmax() == i
        assert entropy[i] == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 9 / 2), abs=0.05)


def test_bands_of_a_channel_stand_side_by_side() -> None:
    layer, x = BandEntropy(3, 128.0, 8), torch.zeros(1, 3, 256)
    quiet = layer(x)[0]
    x[:, 1] = torch.randn(256)
    changed = (layer(x)[0] != quiet)[0, -1].unflatten(-1, (3, layer.n_bands)).any(-1)
    assert changed.tolist() == [False, True, False]


def test_at_a_low_rate_the_bands_end_below_half_of_it() -> None:
    assert BandEntropy(1, 128.0, 8).n_bands == 5
    assert BandEntropy(1, 64.0, 8).n_bands == 4
    assert BandEntropy(1, 40.0, 4).n_bands == 4


def test_a_rate_without_rhythms_is_refused() -> None:
    with pytest.raises(ValueError, match="no rhythm from delta to gamma fits below 0.9 Hz"):
        BandEntropy(1, 2.0, 1)


@pytest.mark.parametrize("band", [(8.0, 40.0), (0.0, 4.0), (13.0, 8.0)])
def test_a_band_that_cannot_be_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="needs a rising pair between 0 and 28.8 Hz"):
        BandEntropy(1, 64.0, 8, (band,))
