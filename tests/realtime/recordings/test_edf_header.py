import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.recordings.edf_header import edf_units
from realtime.recordings.read import read_recording
from tests.helpers.recordings import write_edf


@pytest.mark.parametrize("unit", ["uV", "mV", "V"])
def test_units_are_read_for_every_signal(tmp_path, unit):
    path = write_edf(tmp_path / "a.edf", np.zeros((256, 2)), 256, ["Cz", "Oz"], unit=unit)
    assert edf_units(path) == [unit, unit]
    assert read_recording(path).ch_names == ("Cz", "Oz")


@pytest.mark.parametrize("unit", ["nV", "uv", ""])
def test_a_unit_that_mne_would_read_as_volts_is_refused(tmp_path, unit):
    path = write_edf(tmp_path / "a.edf", np.zeros((256, 1)), 256, ["Cz"], unit=unit)
    with pytest.raises(BadInput, match=f"channel 'Cz' has unit '{unit}', but V, mV or uV is needed"):
        read_recording(path)
