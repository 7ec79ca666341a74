"""Graph attention, convolution and transformer in every order: each network is a chain of the same few blocks."""

from pydantic.dataclasses import dataclass
from torch import nn

from decoder.config import STRICT, Size
from decoder.graph.attention import graph_attention
from decoder.graph.neighbours import complete_graph
from decoder.graph.node_layers import GraphBlock, NodeWise
from decoder.networks.chain import (
    Chain,
    HopConvConfig,
    JoinConfig,
    NodeConfig,
    OverTimeConfig,
    SensorGraphConfig,
    SourceConfig,
    electrode_stem,
    hop_conv,
    sensor_graph,
    source_stem,
    time_transformer,
)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GatFcConfig(SensorGraphConfig):
    """Configuration of a GatFc."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnTransformerConfig(SourceConfig, OverTimeConfig):
    """Configuration of a CnnTransformer."""

    dim: Size = 64  # token width


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TransformerCnnConfig(NodeConfig, OverTimeConfig, HopConvConfig):
    """Configuration of a TransformerCnn."""

    dim: Size = 64  # token width


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnGatConfig(SensorGraphConfig, HopConvConfig):
    """Configuration of a CnnGat."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TransformerGatConfig(SensorGraphConfig, OverTimeConfig):
    """Configuration of a TransformerGat."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnTransformerGatConfig(SourceConfig, OverTimeConfig, JoinConfig):
    """Configuration of a CnnTransformerGat."""


class GatFc(Chain):
    """Filters of each electrode, graph attention, dense readout: the smallest graph network."""

    def __init__(self, config: GatFcConfig):
        graph = sensor_graph(config)
        super().__init__(config, config.n_channels * graph.width, electrode_stem(config), graph)


class CnnTransformer(Chain):
    """Convolution in space and time, then a transformer over time, in the order of EEG Conformer.

    Song et al., IEEE TNSRE 2023, https://doi.org/10.1109/TNSRE.2022.3230250.
    """

    def __init__(self, config: CnnTransformerConfig):
        stem, token = source_stem(config), nn.Linear(config.n_sources * config.node_features, config.dim)
        super().__init__(
            config, config.dim, stem, token, *time_transformer(config, config.dim), nn.LayerNorm(config.dim)
        )


class TransformerCnn(Chain):
    """A transformer over tokens of each hop, then convolutions over its outputs."""

    def __init__(self, config: TransformerCnnConfig):
        token = nn.Linear(config.n_channels * config.node_features, config.dim)
        layers = [token, *time_transformer(config, config.dim), *hop_conv(config, config.dim)]
        super().__init__(config, config.dim, electrode_stem(config), *layers)


class CnnGat(Chain):
    """Convolutions over time on each electrode, then graph attention between electrodes."""

    def __init__(self, config: CnnGatConfig):
        c, graph = config, sensor_graph(config)
        layers = [NodeWise(block, c.n_channels) for block in hop_conv(c, c.node_features)]
        super().__init__(c, c.n_channels * graph.width, electrode_stem(c), *layers, graph)


class TransformerGat(Chain):
    """A transformer over time on each electrode, then graph attention between electrodes."""

    def __init__(self, config: TransformerGatConfig):
        c, graph = config, sensor_graph(config)
        layers = [NodeWise(block, c.n_channels) for block in time_transformer(c, c.node_features)]
        super().__init__(c, c.n_channels * graph.width, electrode_stem(c), *layers, graph)


class CnnTransformerGat(Chain):
    """Spatial convolution, transformer over time on each of its outputs, then graph attention between those.

    After a spatial convolution a node is a learned source without a position, so the graph connects every source to
    every other.
    """

    def __init__(self, config: CnnTransformerGatConfig):
        c, n = config, config.node_features
        graph = GraphBlock(graph_attention(c, n, n, *complete_graph(c.n_sources)), n, n, c.dropout, c.graph_skip)
        layers = [NodeWise(block, c.n_sources) for block in time_transformer(c, n)]
        super().__init__(c, c.n_sources * graph.width, source_stem(c), *layers, graph)
