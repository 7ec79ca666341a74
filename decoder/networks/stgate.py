"""STGATE: band entropy, a transformer per electrode, and a graph that every moment makes anew.

Shape suffixes: B streams, C channels (electrodes, the nodes N of the graph), T samples, H hops, F features of a node.
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
    """What an Stgate is made from; the paper gives no widths, depths or heads."""

    bands_hz: tuple[tuple[float, float], ...] | None = None  # None: delta to gamma, as far as the rate reaches
    entropy_window_s: Positive = 1.0  # trailing
    filters: tuple[Size, Size, Size] = (8, 16, 32)  # of the convolutions over bands and hops
    node_features: Size = 32
    n_layers: Count = 1  # transformer blocks per electrode
    n_heads: Size = 4  # of their attention
    attention_window: Size = 32  # hops
    graph_window_s: Positive = 1.0  # of features that make the graph: the paper's Tr
    n_keep: Size = 10  # edges into an electrode
    graph_heads: Size = 4  # averaged
    tlb: bool = True  # transformer learning block, else one dense layer per electrode
    spatial: bool = True  # learned graph and attention over it
    temporal: str = "electrodes"  # what the second matrix mixes before the graph: electrodes, moments (of Tr) or none
    dropout: Share = 0.3


class BandConv(Streaming):
    """Convolution over bands and hops of one electrode that sees only the past.

    float32[B, H, n_in * n_bands] to float32[B, H, n_out * n_bands_out]; no padding over bands.

    State: past  float32[B, n_in, n_bands, kernel - 1]  # last hops seen; absent where that is 0
    """

    def __init__(self, n_in: int, n_out: int, n_bands: int, kernel: int):
        super().__init__()
        across = min(kernel, n_bands)
        self.shape, self.receptive_field = (n_in, n_bands), kernel
        self.n_bands_out = n_bands - across + 1
        self.conv = nn.Conv2d(n_in, n_out, (across, kernel))

    def init_state(self, batch: int) -> State:
        keep = self.conv.kernel_size[1] - 1
        return {"past": self.zeros(batch, *self.shape, keep)} if keep else {}

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        if x_BHD.shape[1] == 0:
            return x_BHD.new_zeros(x_BHD.shape[0], 0, self.conv.out_channels * self.n_bands_out), state
        seen, new = x_BHD.unflatten(-1, self.shape).permute(0, 2, 3, 1), {}
        if state:
            seen, new["past"] = append_history(state["past"], seen)
        return self.conv(seen).permute(0, 3, 1, 2).flatten(2), new


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
            x_BHD, inner = conv(x_BHD, substate(state, f"convs.{i}"))
            x_BHD, new = F.elu(x_BHD), new | prefixed(f"convs.{i}", inner)
        x_BHD = self.token(x_BHD)
        for i, block in enumerate(self.blocks):
            x_BHD, inner = block(x_BHD, substate(state, f"blocks.{i}"))
            new |= prefixed(f"blocks.{i}", inner)
        return x_BHD, new


class Stgate(FeatureEncoder):
    """Band entropy, convolutions and a transformer per electrode, then attention over the graph of the moment.

    See StreamingNetwork for what goes in and out. Li, Pan, Huang, Pan and Wang, Front. Hum. Neurosci. 2023,
    https://doi.org/10.3389/fnhum.2023.1169949. Where the paper is open or at odds with itself: the ten largest entries
    of a row are kept, as its text says, and weigh what they exceed the first dropped; V is not shared between the two
    matrices; the matrix called temporal mixes electrodes, as printed, or moments of each electrode, as its name says
    and ASTGCN does; the window of both trails, and statistics are running.

    State: entropy.*, nodes.*, spatial.*, temporal.*  # see BandEntropy, PerNode, NodeMatrix, MomentMatrix
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
            made, inner = self.temporal(x_BHD, substate(state, "temporal"))
            x_BHNF = made @ x_BHNF if c.temporal == "electrodes" else made.unflatten(-1, (c.n_channels, -1))
            new |= prefixed("temporal", inner)
        if c.spatial:
            edge_BHNN, inner = self.spatial(x_BHD, substate(state, "spatial"))
            x_BHNF = F.elu(self.attention(x_BHNF, top_k_excess(edge_BHNN, c.n_keep)))
            new |= prefixed("spatial", inner)
        return self.dropout(self.norm(x_BHNF.flatten(2).transpose(1, 2)).transpose(1, 2)), new

    def node_features(self, x_BCT: Tensor, state: State) -> tuple[Tensor, State]:
        """Features of every electrode at each hop, float32[B, H, N * F]."""
        x_BHD, inner = self.entropy(x_BCT, substate(state, "entropy"))
        new = prefixed("entropy", inner)
        x_BHD = self.norm_entropy(x_BHD.transpose(1, 2)).transpose(1, 2)
        if not self.config.tlb:
            return F.elu(self.dense(x_BHD.unflatten(-1, (self.config.n_channels, -1)))).flatten(2), new
        x_BHD, inner = self.nodes(x_BHD, substate(state, "nodes"))
        return x_BHD, new | prefixed("nodes", inner)

    def adjacency(self, x_BCT: Tensor) -> Tensor:
        """The learned graph at the end of signals that begin in silence: from column to row, float32[B, N, N].

        At most `n_keep` entries of a row are not zero.
        """
        if not self.config.spatial:
            raise ValueError("Stgate: adjacency of a network without its spatial part, needs spatial = true")
        state = self.init_state(x_BCT.shape[0])
        edge_BHNN, _ = self.spatial(self.node_features(x_BCT, state)[0], substate(state, "spatial"))
        return top_k_excess(edge_BHNN[:, -1], self.config.n_keep)
