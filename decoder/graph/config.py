"""Configuration of graph attention."""

from pydantic.dataclasses import dataclass

from decoder.config import STRICT, Size
from decoder.layers.encoder import EncoderConfig


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AttentionConfig(EncoderConfig):
    """Configuration of the attention in a network's graph layer."""

    graph_heads: Size = 2
    graph_version: Size = 2  # 1: GAT, 2: GATv2
    graph_activation: str = "leaky_relu"  # or softplus
    graph_self: str = "att"  # how a sensor's own features enter: att, theta_r, theta_n or none


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NeighbourConfig(EncoderConfig):
    """Configuration of the graph between sensors."""

    k_neighbours: Size = 6  # per sensor, including itself; not used where `neighbours` are given
    neighbours: tuple[tuple[int, ...], ...] | None = None  # per channel, itself first, -1 pads; None: by distance


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GraphConfig(AttentionConfig, NeighbourConfig):
    """Configuration of a graph layer over sensors."""

    edge_features: tuple[tuple[tuple[float, ...], ...], ...] | None = None  # one row per entry of `neighbours`
