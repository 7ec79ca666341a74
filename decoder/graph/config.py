"""Configuration of graph attention."""

from dataclasses import dataclass

from decoder.layers.encoder import EncoderConfig


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(EncoderConfig):
    """How a network's graph layer attends."""

    graph_heads: int = 2
    graph_version: int = 2  # 1: GAT, 2: GATv2
    graph_activation: str = "leaky_relu"  # or softplus
    graph_self: str = "att"  # how a sensor's own features come in: att, theta_r, theta_n or none


@dataclass(frozen=True, kw_only=True)
class NeighbourConfig(EncoderConfig):
    """Which sensors a network connects."""

    k_neighbours: int = 6  # per sensor, itself included; unread where `neighbours` are given
    neighbours: tuple[tuple[int, ...], ...] | None = None  # per channel, itself first, -1 pads; None: by distance


@dataclass(frozen=True, kw_only=True)
class GraphConfig(AttentionConfig, NeighbourConfig):
    """The graph layer of a network over its sensors."""

    edge_features: tuple[tuple[tuple[float, ...], ...], ...] | None = None  # one row per entry of `neighbours`
