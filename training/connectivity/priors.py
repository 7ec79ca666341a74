"""Graphs of sensors from training signals: the neighbours of each sensor and how strongly they are coupled."""

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
PRIOR_KINDS = ("distance", *SPECTRAL, *DIRECTED)


@dataclass(frozen=True)
class GraphPrior:
    """A graph of N sensors; rows shorter than the longest end in -1, whose features are zero."""

    kind: str
    neighbours: tuple[tuple[int, ...], ...]  # [N][K]: the sensor itself first, then the most strongly coupled
    edge_features: tuple[tuple[tuple[float, ...], ...], ...]  # [N][K][E]: per band, or one; zero for the sensor itself

    def options(self) -> dict[str, Any]:
        """The keys of a network's config."""
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
    """The graph of `kind` with the `k` most strongly coupled sensors of each, itself included.

    `signals` are (C, T) training signals at `sfreq` Hz and nothing else: a graph of test data would leak. `positions`
    (C, 3) in metres, NaN where unknown, are used by distance only. An undirected edge is in the rows of both sensors,
    so these may be longer than k. Raises BadInput for an unknown kind, too few samples, flat channels, a degenerate
    covariance.
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
    """Coupling (E, C, C), 0 or more, with a zero diagonal; [i, j] of a directed kind is the influence of j on i.

    E is one matrix per band; for distance and Granger it is one.
    """
    if kind not in PRIOR_KINDS:
        raise BadInput(f"graph prior: kind {kind!r} is not known, one of {', '.join(PRIOR_KINDS)} is needed.")
    if kind == "distance":
        return distance(positions)[None]
    check_flat(signals, ch_names or [str(i) for i in range(len(signals[0]))])
    if kind == "granger":
        return granger(signals)[None]
    if kind == "pdc":
        return pdc(signals, sfreq, bands)
    return spectral(kind, signals, sfreq, bands)


def distance(positions_C3: np.ndarray) -> np.ndarray:
    """exp(-d^2 / 2 s^2), s the median distance to the nearest sensor; 0 for a sensor without a position, (C, C).

    Sensors at the same position do not enter s: the gradiometers and the magnetometer of an MEG unit share one.
    """
    d_CC = np.linalg.norm(positions_C3[:, None] - positions_C3, axis=-1)
    np.fill_diagonal(d_CC, np.nan)
    other_place_CC = np.where(d_CC > 0, d_CC, np.nan)
    located = np.isfinite(other_place_CC).any(axis=1)
    if not located.any():
        raise BadInput(
            f"graph prior: {np.isfinite(positions_C3).all(axis=1).sum()} of {len(positions_C3)} channels have a "
            "position, 2 or more are needed for kind distance; rename channels to the 10-05 system or choose another."
        )
    scale = np.median(np.nanmin(other_place_CC[located], axis=1))
    return np.asarray(np.nan_to_num(np.exp(-(d_CC**2) / (2 * scale**2)), nan=0.0))


def graph_of(kind: str, coupling_ECC: np.ndarray, k: int) -> GraphPrior:
    """The `k - 1` strongest of each row in the mean over bands; undirected kinds are made symmetric."""
    if k < 1:
        raise BadInput(f"graph prior: k is {k}, 1 or more is needed, since each sensor is its own neighbour.")
    mean_CC = coupling_ECC.mean(axis=0)
    order_CC = np.argsort(-mean_CC, axis=1, kind="stable")
    edge_CC = (np.argsort(order_CC, axis=1) < k - 1) & (mean_CC > 0)
    if kind not in DIRECTED:
        edge_CC |= edge_CC.T
    rows = [[i, *(j for j in order_CC[i].tolist() if edge_CC[i, j])] for i in range(len(edge_CC))]
    width = max(map(len, rows))
    no_edge = (0.0,) * len(coupling_ECC)
    return GraphPrior(
        kind,
        tuple(tuple(row) + (-1,) * (width - len(row)) for row in rows),
        tuple(
            tuple(tuple(coupling_ECC[:, i, j].tolist()) for j in row) + (no_edge,) * (width - len(row))
            for i, row in enumerate(rows)
        ),
    )
