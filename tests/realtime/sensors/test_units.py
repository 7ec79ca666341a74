import pytest

from realtime.sensors.units import channel_factor, has_unit, si_factor, unit_factor


@pytest.mark.parametrize(
    ("text", "kind", "factor"),
    [
        ("V", "eeg", 1e6),
        ("volts", "eeg", 1e6),
        ("mV", "eeg", 1e3),
        ("uV", "eeg", 1),
        ("µV", "eeg", 1),
        ("microvolts", "", 1),
        (" Microvolts ", "eeg", 1),
        ("nV", "eeg", 1e-3),
        ("-6", "eeg", 1),
        ("0", "eeg", 1e6),
        ("T", "mag", 1e15),
        ("fT", "mag", 1),
        ("0", "mag", 1e15),
        ("T/m", "grad", 1e13),
        ("fT/cm", "grad", 1),
        ("0", "grad", 1e13),
        ("g", "eeg", None),
        ("-7.5", "eeg", None),
        ("3", "eeg", None),
        ("", "eeg", None),
    ],
)
def test_units_become_factors_to_microvolts_or_femtotesla(text, kind, factor):
    assert unit_factor(text, kind) == (None if factor is None else pytest.approx(factor))


@pytest.mark.parametrize(
    ("unit", "kind", "factor"),
    [
        ("mV", "EEG", 1e3),
        ("", "EEG", 1.0),
        ("", "", 1.0),
        ("bits", "stim", 1.0),
        ("-6", "AUX", 1.0),
        ("uV", "AUX", 1.0),
        ("bananas", "EEG", None),
        ("bananas", "", None),
    ],
)
def test_an_unknown_unit_matters_only_for_voltage_and_field(unit, kind, factor):
    assert channel_factor(unit, kind) == factor


def test_si_units_of_mne_become_microvolts_and_femtotesla():
    assert [si_factor(kind) for kind in ("eeg", "eog", "mag", "grad", "stim")] == [1e6, 1e6, 1e15, 1e13, 1.0]
    assert [has_unit(kind) for kind in ("eeg", "stim")] == [True, False]
