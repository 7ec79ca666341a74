"""Graphs of sensors learned from training signals: whom each sensor listens to, and how strongly they are coupled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from realtime.errors import BadInput
from training.connectivity.autoregressive import granger, pdc
from training.connectivity.checks import check_flat
from training.connectivity.spectral import SPECTRAL, Band, spectral

BANDS: tuple[Band, ...] = ((4.0, 8.0), (8.0, 13.0), (13.0, 30.0))  # theta, alpha, beta
DIRECTED = ("granger", "pdc")
KINDS = ("distance", *SPECTRAL, *DIRECTED)


@dataclass(frozen=True)
class GraphPrior:
    """A graph of N sensors; rows shorter than the longest end in -1, whose features are zero."""

    kind: str
    neighbours: tuple[tuple[int, ...], ...]  # [N][K]: itself first, then the most strongly coupled
    edge_features: tuple[tuple[tuple[float, ...], ...], ...]  # [N][K][E]: per band, or one; zero for itself

    def options(self) -> dict[str, Any]:
        """The keys of a network's config, as JSON holds them."""
        return {"neighbours": self.neighbours, "edge_features": self.edge_features}


def build_prior(
    kind: str,
    signals: Sequence[np.ndarray],
    sfreq: float,
    positions: np.ndarray,
    k: int,
    bands: Sequence[Band] = BANDS,
    ch_names: Sequence[str] | None = None,
) -> GraphPrior:
    """The graph of `kind` with each sensor's `k` strongest, itself included.

    `signals` are (C, T) training signals at `sfreq` Hz and nothing else: a graph that saw test data leaks. `positions`
    (C, 3) in metres, NaN where unknown, are read by distance only. What two sensors share counts for both, so rows of
    an undirected kind may be longer than k. Raises BadInput for an unknown kind, too few samples, flat channels, a
    degenerate covariance.
    """
    return graph_of(kind, coupling(kind, signals, sfreq, positions, bands, ch_names), k)


def coupling(
    kind: str,
    signals: Sequence[np.ndarray],
    sfreq: float,
    positions: np.ndarray,
    bands: Sequence[Band] = BANDS,
    ch_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Coupling (E, C, C), 0 or more, its diagonal zero; [i, j] of a directed kind is what j gives to i.

    One matrix a band, but one in all for distance and Granger.
    """
    if kind not in KINDS:
        raise BadInput(f"graph prior: kind {kind!r} is not known, one of {', '.join(KINDS)} is needed.")
    if kind == "distance":
        return distance(positions)[None]
    check_flat(signals, ch_names or [str(i) for i in range(len(signals[0]))])
    if kind == "granger":
        return granger(signals)[None]
    if kind == "pdc":
        return pdc(signals, sfreq, bands)
    return spectral(kind, signals, sfreq, bands)


def distance(positions_C3: np.ndarray) -> np.ndarray:
    """exp(-d^2 / 2 s^2), s the median distance to the nearest; 0 for a sensor without a position, (C, C).

    The nearest elsewhere: the two gradiometers and the magnetometer of an MEG unit share one place.
    """
    d_CC = np.linalg.norm(positions_C3[:, None] - positions_C3, axis=-1)
    np.fill_diagonal(d_CC, np.nan)
    apart_CC = np.where(d_CC > 0, d_CC, np.nan)
    known = np.isfinite(apart_CC).any(axis=1)
    if not known.any():
        raise BadInput(
            f"graph prior: {np.isfinite(positions_C3).all(axis=1).sum()} of {len(positions_C3)} channels have a "
            "position, 2 or more are needed for kind distance; rename channels to the 10-05 system or take another."
        )
    scale = np.median(np.nanmin(apart_CC[known], axis=1))
    return np.nan_to_num(np.exp(-(d_CC**2) / (2 * scale**2)), nan=0.0)


def graph_of(kind: str, strength_ECC: np.ndarray, k: int) -> GraphPrior:
    """Each row's `k - 1` strongest over the mean of the bands; undirected kinds made symmetric."""
    if k < 1:
        raise BadInput(f"graph prior: k is {k}, 1 or more is needed, since each sensor counts itself.")
    mean_CC = strength_ECC.mean(axis=0)
    order_CC = np.argsort(-mean_CC, axis=1, kind="stable")
    edge_CC = (np.argsort(order_CC, axis=1) < k - 1) & (mean_CC > 0)
    if kind not in DIRECTED:
        edge_CC |= edge_CC.T
    rows = [[i, *(j for j in order_CC[i].tolist() if edge_CC[i, j])] for i in range(len(edge_CC))]
    width = max(map(len, rows))
    nothing = (0.0,) * len(strength_ECC)
    return GraphPrior(
        kind,
        tuple(tuple(row) + (-1,) * (width - len(row)) for row in rows),
        tuple(
            tuple(tuple(strength_ECC[:, i, j].tolist()) for j in row) + (nothing,) * (width - len(row))
            for i, row in enumerate(rows)
        ),
    )
