"""Splines agree with MNE and reproduce smooth fields."""

import mne
import numpy as np
import pytest
from mne.channels.interpolation import _make_interpolation_matrix

from realtime.sensors.montage import positions
from realtime.sensors.spherical_spline import interpolation_matrix, sphere_centre

NAMES = mne.channels.make_standard_montage("biosemi64").ch_names


def directions():
    at = positions(NAMES)
    return at - sphere_centre(at)


@pytest.mark.parametrize("bad", [[0], [5, 6, 7, 40], list(range(1, 64, 2)), list(range(60))])
def test_weights_are_those_of_mne(bad):
    good = [i for i in range(len(NAMES)) if i not in bad]
    at = directions()
    wanted = _make_interpolation_matrix(at[good], at[bad])
    np.testing.assert_allclose(interpolation_matrix(at[good], at[bad]), wanted, atol=1e-6)


def test_a_smooth_field_comes_back():
    at = directions()
    at = at / np.linalg.norm(at, axis=1, keepdims=True)
    field = at @ [3.0, -2.0, 1.0] + 7
    bad = [3, 20, 47]
    good = [i for i in range(len(NAMES)) if i not in bad]
    np.testing.assert_allclose(interpolation_matrix(at[good], at[bad]) @ field[good], field[bad], atol=0.05)


def test_the_centre_of_a_sphere_is_found():
    points = np.random.default_rng(0).normal(size=(12, 3))
    points = 0.09 * points / np.linalg.norm(points, axis=1, keepdims=True) + [0.01, -0.02, 0.03]
    np.testing.assert_allclose(sphere_centre(points), [0.01, -0.02, 0.03], atol=1e-9)
