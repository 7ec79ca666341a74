"""Forward model of a simulated head: MNE's four-layer sphere, nothing to download."""

import functools
from collections.abc import Sequence

import mne
import numpy as np

from realtime.errors import BadInput
from realtime.sensors.montage import positions
from realtime.sensors.spherical_spline import sphere_centre

HEAD_RADIUS_M = 0.09
BRAIN_RADIUS_M = 0.9 * HEAD_RADIUS_M  # of the innermost layer; dipoles lie inside
_ALL_ROUND = ("Fp1", "Fp2", "F7", "F8", "T7", "T8", "P7", "P8", "O1", "O2", "Fz", "Cz", "Pz", "F3", "F4", "P3", "P4")


def lead_field(ch_names: Sequence[str], places: np.ndarray, orientations: np.ndarray) -> np.ndarray:
    """Potential at each electrode for a unit current of each dipole, float64 (n_channels, n_dipoles), volts per A m.

    `places` and `orientations` are (n_dipoles, 3), metres and unit vectors in the head frame (x right, y front, z up),
    whose origin is the centre of the sphere. `BadInput` for a channel that is no electrode of the 10-05 system.
    """
    eeg = _on_sphere(tuple(ch_names))
    info = mne.create_info(list(ch_names), 100.0, "eeg", verbose="ERROR")
    montage = mne.channels.make_dig_montage(dict(zip(ch_names, eeg, strict=True)), coord_frame="head")
    info.set_montage(montage, verbose="ERROR")
    sphere = mne.make_sphere_model((0.0, 0.0, 0.0), HEAD_RADIUS_M, verbose="ERROR")
    source = mne.setup_volume_source_space(pos={"rr": places, "nn": orientations}, sphere=sphere, verbose="ERROR")
    forward = mne.make_forward_solution(info, None, source, sphere, meg=False, mindist=0.0, verbose="ERROR")
    fixed = forward["sol"]["data"].reshape(len(ch_names), -1, 3)
    if fixed.shape[1] != len(places):
        raise ValueError(f"{len(places) - fixed.shape[1]} dipoles lie outside the brain")
    gains: np.ndarray = np.einsum("cdx,dx->cd", fixed, orientations)
    return gains


def _on_sphere(ch_names: tuple[str, ...]) -> np.ndarray:
    """Template positions moved onto the sphere, (n_channels, 3) metres."""
    template = positions(ch_names)
    if missing := [name for name, place in zip(ch_names, template, strict=True) if not np.isfinite(place).all()]:
        raise BadInput(
            f"channel {missing[0]!r} is no electrode of the 10-05 system, the simulated head needs its position"
        )
    centred = template - _centre()
    placed: np.ndarray = centred * (HEAD_RADIUS_M / np.linalg.norm(centred, axis=1, keepdims=True))
    return placed


@functools.cache
def _centre() -> np.ndarray:
    """Centre of the sphere through electrodes all round the template head; the same for every montage."""
    return sphere_centre(positions(_ALL_ROUND))
