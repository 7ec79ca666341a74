"""Graphs between sensors: neighbour indices, edge features and positions."""

import math

import torch
from torch import Tensor

from decoder.graph.config import GraphConfig, NeighbourConfig
from decoder.layers.encoder import EncoderConfig


def complete_graph(n_nodes: int) -> tuple[Tensor, Tensor]:
    """Every node is a neighbour of every node, itself first: index int64[N, N] and valid bool[N, N]."""
    steps = torch.arange(n_nodes)
    return (steps[:, None] + steps) % n_nodes, torch.ones(n_nodes, n_nodes, dtype=torch.bool)


def neighbourhood(config: GraphConfig) -> tuple[Tensor, Tensor, Tensor | None]:
    """The graph of a config: index int64[N, K], valid bool[N, K] and edge features float32[N, K, E] or None."""
    if config.neighbours is None and config.edge_features is not None:
        raise ValueError(f"{type(config).__name__}: edge_features without neighbours, needs both or none")
    edge = None if config.edge_features is None else edge_tensor(config)
    return *neighbour_index(config), edge


def neighbour_index(config: NeighbourConfig) -> tuple[Tensor, Tensor]:
    """The graph of a config without its edge features: index int64[N, K] and valid bool[N, K]."""
    name, rows, n = type(config).__name__, config.neighbours, config.n_channels
    if rows is None:
        return distance_knn(sensor_positions(config), config.k_neighbours)
    if len(rows) != n:
        raise ValueError(f"{name}: neighbours of {len(rows)} channels, needs {n}")
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(f"{name}: neighbours of channel {i} are {len(row)}, needs {len(rows[0])}; pad with -1")
        valid = [j for j in row if j != -1]
        if not row or row[0] != i or not all(0 <= j < n for j in valid) or len(set(valid)) != len(valid):
            raise ValueError(
                f"{name}: neighbours of channel {i} are {row}, needs {i} first and numbers -1 to {n - 1}, each once"
            )
    index = torch.tensor(rows)
    return index.clamp(min=0), index >= 0


def edge_tensor(config: GraphConfig) -> Tensor:
    """Edge features float32[N, K, E] of a config that has them."""
    rows = config.neighbours or ()
    try:
        edge = torch.tensor(config.edge_features, dtype=torch.float32)
    except ValueError:  # rows of different lengths
        edge = torch.empty(0)
    if edge.dim() != 3 or edge.shape[:2] != (len(rows), len(rows[0])) or not edge.isfinite().all():
        raise ValueError(
            f"{type(config).__name__}: edge_features are of shape {tuple(edge.shape)} or not finite, needs finite "
            f"numbers of shape ({len(rows)}, {len(rows[0])}, any), one row per entry of neighbours"
        )
    return edge


def sensor_positions(config: EncoderConfig) -> Tensor:
    """Sensor positions in metres, NaN where unknown, float32[C, 3]."""
    positions = config.positions or (None,) * config.n_channels
    if len(positions) != config.n_channels:
        raise ValueError(f"{type(config).__name__}: positions of {len(positions)} channels, needs {config.n_channels}")
    return torch.tensor([(math.nan,) * 3 if p is None else p for p in positions], dtype=torch.float32)


def distance_knn(positions_N3: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Each sensor's `k` nearest, itself first: index int64[N, k] and valid bool[N, k].

    Positions in metres. A sensor without a position (NaN) has only itself and is no neighbour of another. With fewer
    than `k` sensors, k is their number.
    """
    known_N = positions_N3.isfinite().all(dim=1)
    position_N3 = torch.where(known_N[:, None], positions_N3, 0.0)
    distance_NN = torch.cdist(position_N3, position_N3)
    distance_NN = distance_NN.masked_fill(~(known_N[:, None] & known_N), torch.inf).fill_diagonal_(-1.0)
    nearest = distance_NN.topk(min(k, len(positions_N3)), largest=False)
    return nearest.indices, nearest.values.isfinite()
