"""STGATE: band entropy, a transformer per electrode, and a graph computed at every hop.

Shape suffixes: B streams, C or N channels (electrodes), T samples, H hops, F features of an electrode.
"""

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from decoder.config import STRICT, Count, Positive, Share, Size
from decoder.graph.config import NeighbourConfig
from decoder.graph.dynamic_graph import DynamicAdjacency, DynamicGraphAttention, TemporalAttention, top_k_excess
from decoder.graph.neighbours import neighbour_index
from decoder.graph.node_layers import NodeWise
from decoder.layers.band_entropy import BandEntropy
from decoder.layers.encoder import FeatureEncoder
from decoder.layers.transformer import TransformerBlock
from decoder.streaming import State, Streaming, append_history, prefixed, substate

TEMPORAL = ("electrodes", "moments", "none")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StgateConfig(NeighbourConfig):
    """Configuration of an Stgate; the paper gives no widths, depths or heads."""

    bands_hz: tuple[tuple[float, float], ...] | None = None  # None: delta to gamma, as far as the rate reaches
    entropy_window_s: Positive = 1.0  # trailing
    filters: tuple[Size, Size, Size] = (8, 16, 32)  # of the convolutions over bands and hops
    node_features: Size = 32
    n_layers: Count = 1  # transformer blocks per electrode
    n_heads: Size = 4  # of their attention
    attention_window: Size = 32  # hops
    graph_window_s: Positive = 1.0  # of the features from which the graph is computed: the paper's Tr
    n_keep: Size = 10  # edges into an electrode
    graph_heads: Size = 4  # averaged
    tlb: bool = True  # transformer learning block, else one dense layer per electrode
    spatial: bool = True  # learned graph, and attention over it
    temporal: str = "electrodes"  # what the second matrix mixes: electrodes, hops of Tr, none
    dropout: Share = 0.3


class BandConv(Streaming):
    """Causal convolution over bands and hops of one electrode.

    float32[B, H, n_in * n_bands] to float32[B, H, n_out * n_bands_out]; no padding over bands.

    State: past  float32[B, n_in, n_bands, kernel - 1]  # newest hops; absent where that is 0
    """

    def __init__(self, n_in: int, n_out: int, n_bands: int, kernel: int):
        super().__init__()
        across = min(kernel, n_bands)
        self.shape, self.receptive_field = (n_in, n_bands), kernel
        self.n_bands_out = n_bands - across + 1
        self.conv = nn.Conv2d(n_in, n_out, (across, kernel))

    def init_state(self, batch: int) -> State:
        n_past = self.conv.kernel_size[1] - 1
        return {"past": self.zeros(batch, *self.shape, n_past)} if n_past else {}

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        if x_BHD.shape[1] == 0:
            return x_BHD.new_zeros(x_BHD.shape[0], 0, self.conv.out_channels * self.n_bands_out), state
        extended, new = x_BHD.unflatten(-1, self.shape).permute(0, 2, 3, 1), {}
        if state:
            extended, new["past"] = append_history(state["past"], extended)
        return self.conv(extended).permute(0, 3, 1, 2).flatten(2), new


class LearningBlock(Streaming):
    """The paper's transformer learning block, for one electrode: convolutions of 1, 3 and 3, then a transformer.

    float32[B, H, n_bands] to float32[B, H, node_features].

    State: convs.<i>.*   # see BandConv
           blocks.<i>.*  # see TransformerBlock
    """

    def __init__(self, config: StgateConfig, n_bands: int):
        super().__init__()
        c, widths = config, (1, *config.filters)
        convs = []
        for n_in, n_out, kernel in zip(widths, c.filters, (1, 3, 3), strict=False):
            convs.append(BandConv(n_in, n_out, n_bands, kernel))
            n_bands = convs[-1].n_bands_out
        self.convs = nn.ModuleList(convs)
        self.token = nn.Linear(c.filters[-1] * n_bands, c.node_features)
        self.blocks = nn.ModuleList(
            TransformerBlock(c.node_features, c.n_heads, c.attention_window, c.dropout) for _ in range(c.n_layers)
        )

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        new: State = {}
        for i, conv in enumerate(self.convs):
            x_BHD, layer_state = conv(x_BHD, substate(state, f"convs.{i}"))
            x_BHD, new = F.elu(x_BHD), new | prefixed(f"convs.{i}", layer_state)
        x_BHD = self.token(x_BHD)
        for i, block in enumerate(self.blocks):
            x_BHD, layer_state = block(x_BHD, substate(state, f"blocks.{i}"))
            new |= prefixed(f"blocks.{i}", layer_state)
        return x_BHD, new


class Stgate(FeatureEncoder):
    """Band entropy, convolutions and a transformer per electrode, then attention over the graph of each hop.

    See StreamingNetwork for what goes in and out. Li, Pan, Huang, Pan and Wang, Frontiers in Human Neuroscience 2023,
    https://doi.org/10.3389/fnhum.2023.1169949. Where the paper is unclear or contradicts itself: the ten largest
    entries of a row are used, as in its text, with their excess over the largest of the others as weight; V is not
    shared between the two matrices; the matrix called temporal mixes electrodes, as printed, or the hops of each
    electrode, as in ASTGCN; both windows are trailing, and statistics are running.

    State: entropy.*, nodes.*, spatial.*, temporal.*  # see BandEntropy, NodeWise, DynamicAdjacency, TemporalAttention
           readout.*                                  # see Readout
    """

    config: StgateConfig

    def __init__(self, config: StgateConfig):
        c = config
        if c.temporal not in TEMPORAL:
            raise ValueError(f"StgateConfig: temporal {c.temporal!r}, needs one of {', '.join(TEMPORAL)}")
        super().__init__(c, c.n_channels * c.node_features)
        self.entropy = BandEntropy(c.n_channels, c.sfreq, c.hop_samples, c.bands_hz, c.entropy_window_s)
        n_bands, n, window = self.entropy.n_bands, c.n_channels, max(1, round(c.graph_window_s * c.sfreq / self.hop))
        self.norm_entropy = nn.BatchNorm1d(n * n_bands)
        if c.tlb:
            self.nodes = NodeWise(LearningBlock(c, n_bands), n)
        else:
            self.dense = nn.Linear(n_bands, c.node_features)
        if c.spatial:
            index, valid = neighbour_index(c)
            self.spatial = DynamicAdjacency(
                n, c.node_features, window, torch.zeros(n, n).scatter_add(1, index, valid.float())
            )
            self.attention = DynamicGraphAttention(c.node_features, c.node_features, c.graph_heads)
        if c.temporal == "electrodes":
            self.temporal: Streaming = DynamicAdjacency(n, c.node_features, window, torch.eye(n))
        elif c.temporal == "moments":
            self.temporal = NodeWise(TemporalAttention(c.node_features, window), n)
        self.norm = nn.BatchNorm1d(n * c.node_features)
        self.dropout = nn.Dropout(c.dropout)

    def features(self, x_BCT: Tensor, state: State, subject: Tensor | int) -> tuple[Tensor, State]:
        c = self.config
        x_BHD, new = self.node_features(x_BCT, state)
        x_BHNF = x_BHD.unflatten(-1, (c.n_channels, -1))
        if c.temporal != "none":
            mixed, layer_state = self.temporal(x_BHD, substate(state, "temporal"))
            x_BHNF = mixed @ x_BHNF if c.temporal == "electrodes" else mixed.unflatten(-1, (c.n_channels, -1))
            new |= prefixed("temporal", layer_state)
        if c.spatial:
            edge_BHNN, layer_state = self.spatial(x_BHD, substate(state, "spatial"))
            x_BHNF = F.elu(self.attention(x_BHNF, top_k_excess(edge_BHNN, c.n_keep)))
            new |= prefixed("spatial", layer_state)
        return self.dropout(self.norm(x_BHNF.flatten(2).transpose(1, 2)).transpose(1, 2)), new

    def node_features(self, x_BCT: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of every electrode at each hop, float32[B, H, N * F]."""
        x_BHD, layer_state = self.entropy(x_BCT, substate(state, "entropy"))
        new = prefixed("entropy", layer_state)
        x_BHD = self.norm_entropy(x_BHD.transpose(1, 2)).transpose(1, 2)
        if not self.config.tlb:
            return F.elu(self.dense(x_BHD.unflatten(-1, (self.config.n_channels, -1)))).flatten(2), new
        x_BHD, layer_state = self.nodes(x_BHD, substate(state, "nodes"))
        return x_BHD, new | prefixed("nodes", layer_state)

    def adjacency(self, x_BCT: Tensor) -> Tensor:
        """The learned graph at the end of signals, from a fresh state: from column to row, float32[B, N, N].

        At most `n_keep` entries of a row are not zero.
        """
        if not self.config.spatial:
            raise ValueError("Stgate: adjacency of a network without the learned graph, needs spatial = true")
        state = self.init_state(x_BCT.shape[0])
        edge_BHNN, _ = self.spatial(self.node_features(x_BCT, state)[0], substate(state, "spatial"))
        return top_k_excess(edge_BHNN[:, -1], self.config.n_keep)
