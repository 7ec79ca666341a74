"""Graph attention, convolution and transformer in every order: each network is a chain of the same few blocks.

Shape suffixes: B streams, C channels, T samples, H hops, N nodes, F features of one node, D features.
"""

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Share, Size
from decoder.graph.attention import graph_attention, sensor_attention
from decoder.graph.config import AttentionConfig, GraphConfig
from decoder.graph.neighbours import complete_graph
from decoder.graph.node_layers import ConvBlock, GraphBlock, NodeWise
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.stems import SensorStem, SourceConv
from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, Streaming, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NodeConfig(EncoderConfig):
    """Where a chain begins: filters over time."""

    node_features: Size = 16  # per node and hop
    kernel_s: Positive = 0.125  # of the first convolution; at least a hop


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourceConfig(NodeConfig):
    """Where a chain begins with a spatial convolution: its nodes are learned sources."""

    n_sources: Size = 16


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OverTimeConfig(EncoderConfig):
    """The transformer of a chain."""

    n_layers: Count = 2  # transformer blocks
    n_heads: Size = 4  # of their attention
    attention_window: Size = 64  # hops
    skip: str = "layerscale"  # how a block's input joins its output: see Skip
    dropout: Share = 0.25


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HopConvConfig(EncoderConfig):
    """The convolutions of a chain over hops; the dilation doubles with each."""

    n_convs: Count = 3
    hop_kernel: Size = 3  # hops
    conv_skip: str = "identity"  # see Skip


@dataclass(frozen=True, kw_only=True, config=STRICT)
class JoinConfig(AttentionConfig):
    """How a node's features before the graph join those after it."""

    graph_skip: str = "identity"  # see Skip


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GatFcConfig(NodeConfig, JoinConfig, GraphConfig):
    """What a GatFc is made from."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnTransformerConfig(SourceConfig, OverTimeConfig):
    """What a CnnTransformer is made from."""

    dim: Size = 64  # token width


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TransformerCnnConfig(NodeConfig, OverTimeConfig, HopConvConfig):
    """What a TransformerCnn is made from."""

    dim: Size = 64  # token width


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnGatConfig(NodeConfig, HopConvConfig, JoinConfig, GraphConfig):
    """What a CnnGat is made from."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TransformerGatConfig(NodeConfig, OverTimeConfig, JoinConfig, GraphConfig):
    """What a TransformerGat is made from."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CnnTransformerGatConfig(SourceConfig, OverTimeConfig, JoinConfig):
    """What a CnnTransformerGat is made from."""


class Chain(FeatureEncoder):
    """A stem from the signal to tokens, then layers from tokens to tokens, with or without time in them.

    See StreamingNetwork for what goes in and out.

    State: stem.*, layers.<i>.*  # of those with time in them
           readout.*             # see Readout
    """

    def __init__(self, config: EncoderConfig, n_features: int, stem: Streaming, *layers: nn.Module):
        super().__init__(config, n_features)
        self.stem, self.layers = stem, nn.ModuleList(layers)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        x, inner = self.stem(x_BCT, substate(state, "stem"))
        x_BHD, new = x.flatten(2), prefixed("stem", inner)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Streaming):
                x_BHD, inner = layer(x_BHD, substate(state, f"layers.{i}"))
                new |= prefixed(f"layers.{i}", inner)
            else:
                x_BHD = layer(x_BHD)
        return x_BHD, new


class GatFc(Chain):
    """Filters of each electrode, graph attention, dense readout: the smallest graph network."""

    def __init__(self, config: GatFcConfig):
        between = sensor_graph(config)
        super().__init__(config, config.n_channels * between.width, electrodes(config), between)


class CnnTransformer(Chain):
    """Convolution in space and time, then a transformer over time, as EEG Conformer orders them.

    Song et al., IEEE TNSRE 2023, https://doi.org/10.1109/TNSRE.2022.3230250.
    """

    def __init__(self, config: CnnTransformerConfig):
        stem, token = sources(config), nn.Linear(config.n_sources * config.node_features, config.dim)
        super().__init__(
            config, config.dim, stem, token, *time_transformer(config, config.dim), nn.LayerNorm(config.dim)
        )


class TransformerCnn(Chain):
    """A transformer over tokens of each hop, then convolutions over its answers."""

    def __init__(self, config: TransformerCnnConfig):
        token = nn.Linear(config.n_channels * config.node_features, config.dim)
        layers = [token, *time_transformer(config, config.dim), *hop_conv(config, config.dim)]
        super().__init__(config, config.dim, electrodes(config), *layers)


class CnnGat(Chain):
    """Convolutions over time on each electrode, then graph attention between electrodes."""

    def __init__(self, config: CnnGatConfig):
        c, between = config, sensor_graph(config)
        layers = [NodeWise(block, c.n_channels) for block in hop_conv(c, c.node_features)]
        super().__init__(c, c.n_channels * between.width, electrodes(c), *layers, between)


class TransformerGat(Chain):
    """A transformer over time on each electrode, then graph attention between electrodes."""

    def __init__(self, config: TransformerGatConfig):
        c, between = config, sensor_graph(config)
        layers = [NodeWise(block, c.n_channels) for block in time_transformer(c, c.node_features)]
        super().__init__(c, c.n_channels * between.width, electrodes(c), *layers, between)


class CnnTransformerGat(Chain):
    """Spatial convolution, transformer over time on each of its outputs, then graph attention between those.

    After a spatial convolution the nodes are no sensors but learned sources, which have no place on the head: the graph
    connects every source to every other.
    """

    def __init__(self, config: CnnTransformerGatConfig):
        c, n = config, config.node_features
        between = GraphBlock(graph_attention(c, n, n, *complete_graph(c.n_sources)), n, n, c.dropout, c.graph_skip)
        layers = [NodeWise(block, c.n_sources) for block in time_transformer(c, n)]
        super().__init__(c, c.n_sources * between.width, sources(c), *layers, between)


def electrodes(config: NodeConfig) -> SensorStem:
    """The stem whose nodes are electrodes."""
    return SensorStem(config.n_channels, config.node_features, kernel_of(config), config.hop_samples)


def sources(config: SourceConfig) -> SourceConv:
    """The stem whose nodes are learned sources."""
    c = config
    return SourceConv(c.n_channels, c.n_sources, c.node_features, kernel_of(c), c.hop_samples)


def kernel_of(config: NodeConfig) -> int:
    """Samples of the first convolution."""
    return max(config.hop_samples, round(config.kernel_s * config.sfreq))


def time_transformer(config: OverTimeConfig, dim: int) -> list[Streaming]:
    """Transformer blocks."""
    c = config
    return [TransformerBlock(dim, c.n_heads, c.attention_window, c.dropout, skip=c.skip) for _ in range(c.n_layers)]


def hop_conv(config: HopConvConfig, dim: int) -> list[Streaming]:
    """Convolutions over hops."""
    c = config
    return [ConvBlock(dim, c.hop_kernel, 2**i, c.dropout, c.conv_skip) for i in range(c.n_convs)]


def sensor_graph(config: GatFcConfig | CnnGatConfig | TransformerGatConfig) -> GraphBlock:
    """Graph attention between electrodes."""
    c, n = config, config.node_features
    return GraphBlock(sensor_attention(c, n, n), n, n, c.dropout, c.graph_skip)
