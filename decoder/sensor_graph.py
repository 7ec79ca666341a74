"""Graph attention over sensors at each time step, and the graph made from sensor positions.

Neighbours are gathered by an index, so that cost grows with edges and not with sensors squared. Shape suffixes:
N sensors, K neighbours, A heads, F features (per head inside the layer).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIVATIONS = {"leaky_relu": lambda x: F.leaky_relu(x, 0.2), "softplus": F.softplus}


class GraphAttention(nn.Module):
    """Attention of every sensor over its neighbours; leading dimensions (stream, time) never mix.

    float32[..., N, n_in] to float32[..., N, n_out]. `index` int64[N, K] names the neighbours of each sensor, `valid`
    bool[N, K] says which of them count; every row needs one at least. Version 1 is GAT (Velickovic et al., ICLR 2018,
    https://arxiv.org/abs/1710.10903), version 2 is GATv2 (Brody et al., ICLR 2022, https://arxiv.org/abs/2105.14491);
    softplus keeps the gradient where leaky ReLU loses it (Neumeier et al., 2023, https://arxiv.org/abs/2305.16196).
    """

    index: Tensor
    valid: Tensor

    def __init__(
        self,
        n_in: int,
        n_out: int,
        index: Tensor,
        valid: Tensor,
        heads: int = 1,
        version: int = 2,
        activation: str = "leaky_relu",
    ):
        super().__init__()
        if n_out % heads:
            raise ValueError(f"GraphAttention: n_out {n_out}, needs a multiple of heads {heads}")
        if version not in (1, 2):
            raise ValueError(f"GraphAttention: version {version}, needs 1 (GAT) or 2 (GATv2)")
        if activation not in ACTIVATIONS:
            raise ValueError(f"GraphAttention: activation {activation!r}, needs one of {', '.join(ACTIVATIONS)}")
        if not valid.any(dim=1).all():
            raise ValueError("GraphAttention: a sensor without any neighbour, needs at least itself")
        self.heads, self.activation = heads, ACTIVATIONS[activation]
        self.register_buffer("index", index)
        self.register_buffer("valid", valid)
        n_head = n_out // heads
        bias = version == 2  # as in torch_geometric: GAT has one bias at the end, GATv2 one per projection too
        self.neighbour = nn.Linear(n_in, n_out, bias=bias)
        self.own = nn.Linear(n_in, n_out) if version == 2 else None
        self.score_neighbour = nn.Parameter(torch.empty(heads, n_head))
        self.score_own = nn.Parameter(torch.empty(heads, n_head)) if version == 1 else None
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for name, weight in self.named_parameters():
            (nn.init.zeros_ if name.endswith("bias") else nn.init.xavier_uniform_)(weight)

    def forward(self, x: Tensor) -> Tensor:
        message = self.neighbour(x)
        near = self.gather(message)  # [..., N, K, A * F]
        if self.own is not None:
            # One product with a block diagonal trains twice as fast as a sum over features for each head.
            heads = torch.block_diag(*self.score_neighbour[:, None])
            score = F.linear(self.activation(near + self.own(x).unsqueeze(-2)), heads)
        else:
            message = message.unflatten(-1, (self.heads, -1))
            theirs, own = (message * self.score_neighbour).sum(-1), (message * self.score_own).sum(-1)
            score = self.activation(self.gather(theirs) + own.unsqueeze(-2))
        weight = score.masked_fill(~self.valid[..., None], -torch.inf).softmax(dim=-2)  # [..., N, K, A]
        return (weight[..., None] * near.unflatten(-1, (self.heads, -1))).sum(dim=-3).flatten(-2) + self.bias

    def gather(self, per_sensor: Tensor) -> Tensor:
        """What each sensor's neighbours have: [..., N, any] to [..., N, K, any]."""
        return per_sensor.index_select(-2, self.index.flatten()).unflatten(-2, self.index.shape)


def distance_knn(positions_N3: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Each sensor's `k` nearest, itself first: index int64[N, k] and valid bool[N, k].

    Positions in metres. A sensor without a position (NaN) has only itself, and is nobody's neighbour. Where there are
    fewer than `k` sensors, k is their number.
    """
    known_N = positions_N3.isfinite().all(dim=1)
    position_N3 = torch.where(known_N[:, None], positions_N3, 0.0)
    distance_NN = torch.cdist(position_N3, position_N3)
    distance_NN = distance_NN.masked_fill(~(known_N[:, None] & known_N), torch.inf).fill_diagonal_(-1.0)
    nearest = distance_NN.topk(min(k, len(positions_N3)), largest=False)
    return nearest.indices, nearest.values.isfinite()
