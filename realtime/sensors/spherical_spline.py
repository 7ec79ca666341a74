"""Interpolates bad channels from good ones by spherical splines.

Perrin et al., Electroenceph. clin. Neurophysiol. 1989.
"""

import numpy as np

STIFFNESS, N_LEGENDRE = 4, 50  # as in MNE: order of the splines, terms of their series
SMOOTHING = 1e-5  # added to the diagonal, as in MNE
_FACTORS = [0.0, *((2 * n + 1) / ((n * (n + 1)) ** STIFFNESS * 4 * np.pi) for n in range(1, N_LEGENDRE + 1))]


def sphere_centre(positions_m: np.ndarray) -> np.ndarray:
    """Centre (3,) of the sphere closest to the electrodes (n_channels, 3) by least squares, metres."""
    rows = np.hstack([2 * positions_m, np.ones((len(positions_m), 1))])
    solution, *_ = np.linalg.lstsq(rows, (positions_m**2).sum(axis=1), rcond=None)
    centre: np.ndarray = solution[:3]
    return centre


def interpolation_matrix(good_m: np.ndarray, bad_m: np.ndarray) -> np.ndarray:
    """Weights (n_bad, n_good) of the good channels for each bad one; every row sums to 1.

    Positions are (n, 3), metres from the centre of the sphere; only their directions count.
    """
    good, bad = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (good_m, bad_m))
    n = len(good)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = np.polynomial.legendre.legval(good @ good.T, _FACTORS) + SMOOTHING * np.eye(n)
    system[n, n] = 0
    targets = np.hstack([np.polynomial.legendre.legval(bad @ good.T, _FACTORS), np.ones((len(bad), 1))])
    weights: np.ndarray = np.linalg.solve(system, targets.T).T[:, :n]
    return weights
