"""Chains: networks of a stem followed by layers from tokens to tokens, and the configurations of these blocks.

A node is a sensor or a learned source. Shape suffixes: B streams, C channels, T samples, H hops, N number of sensors or
sources, F features of one node, D features.
"""

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Share, Size
from decoder.graph.attention import sensor_attention
from decoder.graph.config import AttentionConfig, GraphConfig
from decoder.graph.node_layers import ConvBlock, GraphBlock
from decoder.layers.encoder import EncoderConfig, FeatureEncoder
from decoder.layers.stems import SensorStem, SourceConv
from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, Streaming, prefixed, substate


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NodeConfig(EncoderConfig):
    """The stem of a chain: filters over time."""

    node_features: Size = 16  # per node and hop
    kernel_s: Positive = 0.125  # of the first convolution; at least a hop


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SourceConfig(NodeConfig):
    """A stem with a spatial convolution, which gives learned sources."""

    n_sources: Size = 16


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OverTimeConfig(EncoderConfig):
    """Transformer of a chain."""

    n_layers: Count = 2  # transformer blocks
    n_heads: Size = 4  # of their attention
    attention_window: Size = 64  # hops
    skip: str = "layerscale"  # how a block's input is combined with its output: see Skip
    dropout: Share = 0.25


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HopConvConfig(EncoderConfig):
    """Convolutions of a chain over hops; the dilation doubles with each."""

    n_convs: Count = 3
    hop_kernel: Size = 3  # hops
    conv_skip: str = "identity"  # see Skip


@dataclass(frozen=True, kw_only=True, config=STRICT)
class JoinConfig(AttentionConfig):
    """Graph attention of a chain, and how it is combined with its input."""

    graph_skip: str = "identity"  # see Skip


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SensorGraphConfig(NodeConfig, JoinConfig, GraphConfig):
    """The graph between the electrodes of a chain."""


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
        x, layer_state = self.stem(x_BCT, substate(state, "stem"))
        x_BHD, new = x.flatten(2), prefixed("stem", layer_state)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Streaming):
                x_BHD, layer_state = layer(x_BHD, substate(state, f"layers.{i}"))
                new |= prefixed(f"layers.{i}", layer_state)
            else:
                x_BHD = layer(x_BHD)
        return x_BHD, new


def electrode_stem(config: NodeConfig) -> SensorStem:
    """A stem with features of each electrode."""
    return SensorStem(config.n_channels, config.node_features, stem_kernel(config), config.hop_samples)


def source_stem(config: SourceConfig) -> SourceConv:
    """A stem with features of each learned source."""
    c = config
    return SourceConv(c.n_channels, c.n_sources, c.node_features, stem_kernel(c), c.hop_samples)


def stem_kernel(config: NodeConfig) -> int:
    """Length of the stem's kernel in samples."""
    return max(config.hop_samples, round(config.kernel_s * config.sfreq))


def time_transformer(config: OverTimeConfig, dim: int) -> list[Streaming]:
    """The transformer blocks of a chain."""
    c = config
    return [TransformerBlock(dim, c.n_heads, c.attention_window, c.dropout, skip=c.skip) for _ in range(c.n_layers)]


def hop_conv(config: HopConvConfig, dim: int) -> list[Streaming]:
    """The convolutions of a chain over hops."""
    c = config
    return [ConvBlock(dim, c.hop_kernel, 2**i, c.dropout, c.conv_skip) for i in range(c.n_convs)]


def sensor_graph(config: SensorGraphConfig) -> GraphBlock:
    """Graph attention between electrodes."""
    c, n = config, config.node_features
    return GraphBlock(sensor_attention(c, n, n), n, n, c.dropout, c.graph_skip)
