"""Convolutions, running mean and running maximum over the past only.

Shape suffixes: B streams, C channels, T samples.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decoder.streaming import State, Streaming, append_history


class CausalConv(Streaming):
    """Convolution over past and present samples.

    float32[B, n_in, T] to float32[B, n_out, T / stride]; T is a multiple of the stride, and every output is computed
    from samples up to and including the last one of its stride.

    State: past  float32[B, n_in, (kernel - 1) * dilation + 1 - stride]  # newest samples; absent where that is 0
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        dilation: int = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias)
        self.hop = stride
        self.receptive_field = (kernel - 1) * dilation + 1
        self.keep = self.receptive_field - stride
        if self.keep < 0:
            raise ValueError(f"CausalConv: stride {stride} skips samples, needs at most {self.receptive_field}")

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.conv.in_channels, self.keep)} if self.keep else {}

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if self.steps(x_BCT.shape[-1]) == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], self.conv.out_channels, 0), state
        if not self.keep:
            return self.conv(x_BCT), state
        extended, past = append_history(state["past"], x_BCT)
        return self.conv(extended), {"past": past}


class CausalMean(Streaming):
    """Mean of the last `window` steps; early in a stream, of those so far.

    float32[B, C, T] to the same shape.

    State: past  float32[B, C, window - 1]  # newest steps, zeros before the first
           seen  int64[B]                   # number of steps since the start, at most window - 1
    """

    def __init__(self, n_channels: int, window: int):
        super().__init__()
        if window < 2:
            raise ValueError(f"CausalMean: window of {window} steps, needs 2 or more")
        self.n_channels = n_channels
        self.window = self.receptive_field = window

    def init_state(self, batch: int) -> State:
        return {
            "past": self.zeros(batch, self.n_channels, self.window - 1),
            "seen": self.zeros(batch, dtype=torch.int64),
        }

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        n_times = x_BCT.shape[-1]
        if n_times == 0:
            return x_BCT, state
        padded, past = append_history(state["past"], x_BCT)
        total = F.avg_pool1d(padded, self.window, stride=1) * self.window
        count_BT = state["seen"][:, None] + torch.arange(1, n_times + 1, device=x_BCT.device)
        mean = total / count_BT.clamp(max=self.window)[:, None]
        return mean, {"past": past, "seen": (state["seen"] + n_times).clamp(max=self.window - 1)}


class CausalMax(Streaming):
    """Largest of the last `window` steps; before the start of a stream there are zeros.

    float32[B, C, T] to the same shape.

    State: past  float32[B, C, window - 1]  # newest steps
    """

    def __init__(self, n_channels: int, window: int):
        super().__init__()
        if window < 2:
            raise ValueError(f"CausalMax: window of {window} steps, needs 2 or more")
        self.n_channels = n_channels
        self.window = self.receptive_field = window

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.n_channels, self.window - 1)}

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if x_BCT.shape[-1] == 0:
            return x_BCT, state
        extended, past = append_history(state["past"], x_BCT)
        return F.max_pool1d(extended, self.window, stride=1), {"past": past}


class SensorConv(Streaming):
    """The same temporal filters on every sensor, then spatial filters over sensors and filters, as one convolution.

    float32[B, n_in, T] to float32[B, n_out, T]. Both steps are linear, so their product is one kernel: the same output
    without the [B, n_filters, n_in, T] between them.

    State: past  float32[B, n_in, kernel - 1]  # newest samples
    """

    def __init__(self, n_in: int, n_filters: int, n_out: int, kernel: int):
        super().__init__()
        if kernel < 2:
            raise ValueError(f"SensorConv: kernel of {kernel} samples, needs 2 or more")
        self.n_in, self.kernel = n_in, kernel
        self.receptive_field = kernel
        self.temporal = nn.Linear(kernel, n_filters, bias=False)
        self.spatial = nn.Linear(n_filters * n_in, n_out, bias=False)

    def init_state(self, batch: int) -> State:
        return {"past": self.zeros(batch, self.n_in, self.kernel - 1)}

    def forward(self, x_BCT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        state = self.init_state(x_BCT.shape[0]) if state is None else state
        if x_BCT.shape[-1] == 0:
            return x_BCT.new_zeros(x_BCT.shape[0], self.spatial.out_features, 0), state
        spatial = self.spatial.weight.unflatten(1, (-1, self.n_in))
        extended, past = append_history(state["past"], x_BCT)
        return F.conv1d(extended, torch.einsum("ofc,fk->ock", spatial, self.temporal.weight)), {"past": past}
