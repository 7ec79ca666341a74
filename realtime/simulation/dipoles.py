"""The dipoles of the simulated brain, and how each kind reaches the electrodes."""

from collections.abc import Callable

import numpy as np

from realtime.sensors.head_model import BRAIN_RADIUS_M, lead_field

N_VISUAL, N_BACKGROUND, N_ALPHA = 32, 300, 6
_SCALE_AT = ("Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2")


def source_patterns(ch_names: tuple[str, ...], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Channels x sources of each kind, scaled to rms 1 (blink: peak 1) over electrodes all round the head.

    `BadInput` for a channel outside the 10-05 system.
    """
    visual = _draw(rng, N_VISUAL, 0.75, lambda at: (at[:, 1] < -0.02) & (at[:, 2] > -0.02) & (at[:, 2] < 0.05))
    background = _draw(rng, N_BACKGROUND, 0.3, lambda at: at[:, 2] > -0.03)
    alpha = _draw(rng, N_ALPHA, 0.8, lambda at: (at[:, 1] < -0.05) & (at[:, 2] > 0) & (at[:, 2] < 0.05))
    eyes = np.array([[-0.025, 0.07, -0.02], [0.025, 0.07, -0.02]]), np.array([[0, 0.8, 0.6], [0, 0.8, 0.6]])
    groups = {"visual": visual, "background": background, "alpha": alpha, "blink": eyes}
    names = [*ch_names, *(name for name in _SCALE_AT if name not in ch_names)]
    places, orientations = (np.concatenate(arrays) for arrays in zip(*groups.values(), strict=True))
    gains = lead_field(names, places, orientations)
    scale_at = [names.index(name) for name in _SCALE_AT]
    patterns, first = {}, 0
    for kind, (dipoles, _) in groups.items():
        pattern = gains[:, first : first + len(dipoles)]
        first += len(dipoles)
        if kind == "blink":
            pattern = pattern.sum(axis=1) / np.abs(pattern[scale_at].sum(axis=1)).max()
        else:
            pattern = pattern / np.sqrt((pattern[scale_at] ** 2).sum(axis=1).mean())
        patterns[kind] = pattern[: len(ch_names)]
    # As many independent noises as channels give the same covariance as hundreds of dipoles, for less work.
    covariance = patterns["background"] @ patterns["background"].T
    patterns["background"] = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(ch_names)))
    return patterns


def _draw(
    rng: np.random.Generator, n: int, depth: float, inside: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Places and orientations of `n` dipoles between `depth` and the rim of the brain, mostly pointing outward."""
    out = rng.standard_normal((200 * n, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    places = out * BRAIN_RADIUS_M * rng.uniform(depth, 0.95, (len(out), 1))
    keep = np.flatnonzero(inside(places))[:n]
    orientations = out[keep] + 0.5 * rng.standard_normal((n, 3))
    return places[keep], orientations / np.linalg.norm(orientations, axis=1, keepdims=True)
