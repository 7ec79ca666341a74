import numpy as np
import pytest

from realtime.errors import BadInput
from realtime.sensors.head_model import lead_field
from realtime.simulation.brain import SimulatedBrain

VECTORS = np.random.default_rng(7).standard_normal((12, 16))


def test_a_dipole_is_strongest_at_the_electrode_above_it():
    field = lead_field(
        ("Fp1", "Cz", "Oz", "T7"), np.array([[0, -0.07, 0], [0, 0, 0.07]]), np.array([[0, -1, 0], [0, 0, 1]])
    )
    assert field.shape == (4, 2)
    assert list(field.argmax(axis=0)) == [2, 1]


def test_the_position_of_an_electrode_does_not_depend_on_the_others():
    places, moments = np.array([[0.01, -0.05, 0.03]]), np.array([[0.0, -0.6, 0.8]])
    alone = lead_field(("Oz",), places, moments)
    among = lead_field(("Fp1", "Oz", "Cz"), places, moments)
    np.testing.assert_allclose(among[1], alone[0], rtol=1e-9)


def test_a_channel_without_a_position_is_refused():
    with pytest.raises(BadInput, match="'EMG1'"):
        SimulatedBrain(("Cz", "EMG1"), 250.0, VECTORS)
