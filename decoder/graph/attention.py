"""Graph attention over sensors at each time step.

Neighbours are gathered by an index, so that the cost grows with the number of edges and not with sensors squared. Shape
suffixes: N sensors, K neighbours, A heads, F features (per head inside the layer).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.graph.config import AttentionConfig, GraphConfig
from decoder.graph.neighbours import neighbourhood

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "softplus": F.softplus,
}
SELF_MODES = ("att", "theta_r", "theta_n", "none")


class GraphAttention(nn.Module):
    """Attention of every sensor over its neighbours; leading dimensions (stream, time) do not mix.

    float32[..., N, n_in] to float32[..., N, n_out]. `index` int64[N, K] has the neighbours of each sensor, `valid`
    bool[N, K] is false for padding, `edge` float32[N, K, E] has features of the edge to each (version 2 only). Heads
    are concatenated, or averaged where `concat` is false. Version 1 is GAT (Velickovic et al., ICLR 2018,
    https://arxiv.org/abs/1710.10903), version 2 is GATv2 (Brody et al., ICLR 2022, https://arxiv.org/abs/2105.14491);
    softplus keeps the gradient where leaky ReLU loses it. `self_mode` is how a sensor's own features enter (GAT+:
    Neumeier et al., 2023, https://arxiv.org/abs/2305.16196): "att" by attention to itself as a neighbour, "theta_r" and
    "theta_n" added by the query's projection or by one of their own, "none" not at all.
    """

    index: Tensor
    valid: Tensor
    edge: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        index: Tensor,
        valid: Tensor,
        edge: Tensor | None = None,
        heads: int = 1,
        version: int = 2,
        activation: str = "leaky_relu",
        self_mode: str = "att",
        concat: bool = True,
    ):
        super().__init__()
        if concat and n_out % heads:
            raise ValueError(f"GraphAttention: n_out {n_out}, needs a multiple of heads {heads}")
        if version not in (1, 2):
            raise ValueError(f"GraphAttention: version {version}, needs 1 (GAT) or 2 (GATv2)")
        if activation not in ACTIVATIONS:
            raise ValueError(f"GraphAttention: activation {activation!r}, needs one of {', '.join(ACTIVATIONS)}")
        if self_mode not in SELF_MODES:
            raise ValueError(f"GraphAttention: self_mode {self_mode!r}, needs one of {', '.join(SELF_MODES)}")
        if version == 1 and (self_mode == "theta_r" or edge is not None):
            unsupported = "edge features" if edge is not None else "self_mode 'theta_r'"
            raise ValueError(f"GraphAttention: version 1 does not support {unsupported}, needs version 2")
        if self_mode != "att":
            valid = valid & (index != torch.arange(len(index))[:, None])
        elif not valid.any(dim=1).all():
            raise ValueError("GraphAttention: a sensor without any neighbour, needs at least itself")
        self.heads, self.activation, self.self_mode, self.concat = heads, ACTIVATIONS[activation], self_mode, concat
        self.register_buffer("index", index)
        self.register_buffer("valid", valid)
        self.register_buffer("edge", edge)
        n_head = n_out // heads if concat else n_out
        bias = version == 2  # as in torch_geometric: GAT has one bias at the end, GATv2 one per projection too
        self.neighbour = nn.Linear(n_in, heads * n_head, bias=bias)
        self.own = nn.Linear(n_in, heads * n_head) if version == 2 else None
        self.score_neighbour = nn.Parameter(torch.empty(heads, n_head))
        self.score_own = nn.Parameter(torch.empty(heads, n_head)) if version == 1 else None
        self.theta_n = nn.Linear(n_in, heads * n_head, bias=False) if self_mode == "theta_n" else None
        self.score_edge = nn.Linear(edge.shape[-1], heads * n_head, bias=False) if edge is not None else None
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot for every matrix, zero for every bias."""
        for name, weight in self.named_parameters():
            (nn.init.zeros_ if name.endswith("bias") else nn.init.xavier_uniform_)(weight)

    def forward(self, x: Tensor) -> Tensor:
        message = self.neighbour(x)
        neighbours = self.gather(message)  # [..., N, K, A * F]
        weight = self.weights(x, message, neighbours)
        y = (weight[..., None] * neighbours.unflatten(-1, (self.heads, -1))).sum(dim=-3)  # [..., N, A, F]
        if self.self_mode == "theta_r" and self.own is not None:
            y = y + self.own(x).unflatten(-1, (self.heads, -1))
        if self.theta_n is not None:
            y = y + self.theta_n(x).unflatten(-1, (self.heads, -1))
        joined: Tensor = y.flatten(-2) if self.concat else y.mean(dim=-2)
        return joined + self.bias

    def attention(self, x: Tensor) -> Tensor:
        """Weight of each neighbour (columns of `index`) for each sensor, [..., N, K, heads]."""
        message = self.neighbour(x)
        return self.weights(x, message, self.gather(message))

    def weights(self, x: Tensor, message: Tensor, neighbours: Tensor) -> Tensor:
        """Softmax over the valid neighbours; zeros where there is none."""
        if self.own is not None:
            logits = neighbours + self.own(x).unsqueeze(-2)
            if self.score_edge is not None:
                logits = logits + self.score_edge(self.edge)
            # One product with a block diagonal trains twice as fast as a sum over features for each head.
            score = F.linear(self.activation(logits), torch.block_diag(*self.score_neighbour[:, None]))
        else:
            assert self.score_own is not None
            message = message.unflatten(-1, (self.heads, -1))
            other, own = (message * self.score_neighbour).sum(-1), (message * self.score_own).sum(-1)
            score = self.activation(self.gather(other) + own.unsqueeze(-2))
        if self.self_mode == "att":
            return score.masked_fill(~self.valid[..., None], -torch.inf).softmax(dim=-2)
        # A sensor without any neighbour: a softmax over -inf alone would be NaN.
        isolated = ~self.valid.any(dim=1, keepdim=True)
        weight = score.masked_fill(~(self.valid | isolated)[..., None], -torch.inf).softmax(dim=-2)
        return weight.masked_fill(~self.valid[..., None], 0.0)

    def gather(self, per_sensor: Tensor) -> Tensor:
        """Values of each sensor's neighbours: [..., N, any] to [..., N, K, any]."""
        gathered: Tensor = per_sensor.index_select(-2, self.index.flatten()).unflatten(-2, self.index.shape)
        return gathered


def sensor_attention(config: GraphConfig, n_in: int, n_out: int) -> GraphAttention:
    """The graph layer of a config over its sensors."""
    return graph_attention(config, n_in, n_out, *neighbourhood(config))


def graph_attention(
    config: AttentionConfig, n_in: int, n_out: int, index: Tensor, valid: Tensor, edge: Tensor | None = None
) -> GraphAttention:
    """The graph layer of a config on the given graph."""
    c = config
    return GraphAttention(
        n_in,
        n_out,
        index,
        valid,
        edge,
        heads=c.graph_heads,
        version=c.graph_version,
        activation=c.graph_activation,
        self_mode=c.graph_self,
    )
