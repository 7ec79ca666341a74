"""Dynamic graphs of STGATE: matrices between electrodes and between hops, computed at every hop, and attention over
them.

Shape suffixes: B streams, H hops, N electrodes, F features of an electrode, W hops of a trailing window, A heads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.graph.node_layers import NodeWise
from decoder.layers.conv import CausalConv
from decoder.streaming import State, Streaming, append_history, prefixed, substate


class DynamicAdjacency(Streaming):
    """A matrix between electrodes at every hop, from their features in a trailing window: V tanh(X W1 W2 + b).

    float32[B, H, N * F] to float32[B, H, N, N], normalised by the batch in training and by its running mean and
    variance afterwards. `start` float32[N, N]: initial b; V starts as the identity.

    State: over_window.*  # see NodeWise
    """

    def __init__(self, n_nodes: int, n_features: int, window: int, start: Tensor):
        super().__init__()
        self.shape, self.receptive_field = (n_nodes, n_features), window
        self.over_window = NodeWise(CausalConv(1, 1, window, bias=False), n_nodes * n_features, time_last=True)
        self.w2 = nn.Parameter(torch.empty(n_features, n_nodes))
        nn.init.xavier_uniform_(self.w2)
        self.v = nn.Parameter(torch.eye(n_nodes))
        self.b = nn.Parameter(start.clone())
        self.norm = nn.BatchNorm2d(1, affine=False)

    def forward(self, x_BHD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHD.shape[0]) if state is None else state
        if x_BHD.shape[1] == 0:
            return x_BHD.new_zeros(x_BHD.shape[0], 0, self.shape[0], self.shape[0]), state
        x, layer_state = self.over_window(x_BHD, substate(state, "over_window"))
        s_BHNN = self.v @ torch.tanh(x.unflatten(-1, self.shape) @ self.w2 + self.b)
        s_BHNN = self.norm(s_BHNN.flatten(0, 1)[:, None])[:, 0].unflatten(0, x_BHD.shape[:2])
        return s_BHNN, prefixed("over_window", layer_state)


class TemporalAttention(Streaming):
    """Newest row of the attention between the hops X of a trailing window, softmax(tanh(X U X' / sqrt(F) + b) V) X.

    float32[B, H, F] to the same shape, for one electrode; hops before the start of the stream are zeros. The temporal
    attention of ASTGCN (Guo et al., AAAI 2019, https://doi.org/10.1609/aaai.v33i01.3301922), with three changes: it is
    of one electrode, tanh replaces the sigmoid as in DynamicAdjacency, and V is on the right, so that a row does not
    depend on other rows, which would depend on later samples.

    State: past  float32[B, window - 1, F]  # newest hops; absent where that is 0
    """

    def __init__(self, n_features: int, window: int):
        super().__init__()
        self.n_features, self.window, self.receptive_field = n_features, window, window
        self.u = nn.Parameter(torch.empty(n_features, n_features))
        nn.init.xavier_uniform_(self.u)
        self.v = nn.Parameter(torch.eye(window))
        self.b = nn.Parameter(torch.eye(window)[-1])  # of the newest row, which starts at its own hop

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.window - 1, self.n_features)} if self.window > 1 else {}

    def forward(self, x_BHF: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BHF.shape[0]) if state is None else state
        if x_BHF.shape[1] == 0:
            return x_BHF, state
        extended, new = x_BHF, {}
        if state:
            extended, new["past"] = append_history(state["past"], extended, dim=1)
        window_BHFW = extended.unfold(1, self.window, 1)
        similarity_BHW = ((x_BHF @ self.u)[:, :, None] @ window_BHFW)[:, :, 0] / self.n_features**0.5
        weight_BHW = (torch.tanh(similarity_BHW + self.b) @ self.v).softmax(dim=-1)
        return (window_BHFW @ weight_BHW[..., None])[..., 0], new


class DynamicGraphAttention(nn.Module):
    """Graph attention over edges that differ between hops; an edge's weight multiplies its attention.

    float32[..., N, n_in] and weights float32[..., N, N], zero where there is no edge, to float32[..., N, n_out]. Heads
    are averaged. As a mask alone, the weights would get no gradient.
    """

    def __init__(self, n_in: int, n_out: int, heads: int):
        super().__init__()
        self.heads = heads
        self.message = nn.Linear(n_in, heads * n_out, bias=False)
        self.score = nn.Parameter(torch.empty(2, heads, n_out))
        nn.init.xavier_uniform_(self.score)

    def forward(self, x: Tensor, edge: Tensor) -> Tensor:
        message = self.message(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # [..., heads, N, n_out]
        own, other = ((message * vector_AF[:, None]).sum(-1) for vector_AF in self.score)
        score = F.leaky_relu(own[..., None] + other[..., None, :], 0.2)
        share = (score - score.amax(dim=-1, keepdim=True).detach()).exp() * edge.unsqueeze(-3)
        mean: Tensor = (share / (share.sum(dim=-1, keepdim=True) + 1e-9) @ message).mean(dim=-3)
        return mean


def top_k_excess(score: Tensor, k: int) -> Tensor:
    """Excess of each of the `k` largest entries of a row over the largest of the others; zero elsewhere.

    Two entries that swap ranks k and k + 1 are both zero there, so that rounding cannot change the result abruptly.
    """
    if k < score.shape[-1]:
        return F.relu(score - score.topk(k + 1, dim=-1).values[..., -1:])
    return score - score.amin(dim=-1, keepdim=True) + 1
