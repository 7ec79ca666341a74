import pytest

from tests.helpers.preprocessing import RATES, chain, in_chunks, noise, power_db


@pytest.mark.parametrize("rates", RATES)
def test_the_number_of_outputs_follows_from_the_rates(rates):
    preprocess = chain(rates[0], sfreq=rates[1])
    y, _ = in_chunks(preprocess, noise(rates[0] * 3), preprocess.start())
    assert len(y) == rates[1] * 3


@pytest.mark.parametrize(("sfreq", "hz"), [(256, 90), (250, 90), (1000, 90), (1000, 131), (1000, 250), (160, 77)])
def test_resampling_does_not_alias_even_without_a_low_pass(sfreq, hz):
    assert power_db(sfreq, hz, lowpass_hz=None) < -30
