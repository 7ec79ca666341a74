"""The contract of every layer with time in it: `y, state = layer(x, state)`.

`state=None` starts as after zero input; the same forward takes a whole recording, one hop, or any chunking between.
State is a flat dict of tensors, batch first, fixed shapes, dotted names; nothing about a stream lives on the layer.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

State = dict[str, Tensor]


class Streaming(nn.Module):
    """A layer that processes a stream in chunks.

    `hop`: input samples per output step; chunks are multiples of it. `receptive_field`: input samples, ending with the
    newest, that an output depends on; None where the past never fades entirely. A state of zeros stands for zero input.
    """

    hop: int = 1
    receptive_field: int | None = None

    _like: Tensor

    def __init__(self) -> None:
        super().__init__()
        # The device and dtype of the state, also for a layer without weights.
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def init_state(self, batch: int) -> State:
        """Initial state of `batch` streams: by default the states of the streaming layers inside, under their names."""
        return {
            f"{name}.{key}": value
            for name, layer in streaming_layers(self)
            for key, value in layer.init_state(batch).items()
        }

    def zeros(self, batch: int, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """A state tensor of zeros on the device of this layer."""
        return self._like.new_zeros(batch, *shape, dtype=dtype)

    def steps(self, n_times: int) -> int:
        """Output steps of a chunk of `n_times` samples; ValueError unless it is a multiple of the hop."""
        if n_times % self.hop:
            raise ValueError(f"{type(self).__name__}: chunk of {n_times} samples, needs a multiple of {self.hop}")
        return n_times // self.hop


def streaming_layers(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, Streaming]]:
    """The outermost streaming layers inside a module, with their dotted names."""
    for name, child in module.named_children():
        if isinstance(child, Streaming):
            yield prefix + name, child
        else:
            yield from streaming_layers(child, f"{prefix}{name}.")


def substate(state: State, name: str) -> State:
    """The entries of a state that belong to the layer called `name`, without the prefix."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def prefixed(name: str, state: State) -> State:
    """A layer's state with the layer's name as prefix."""
    return {f"{name}.{key}": value for key, value in state.items()}


def append_history(past: Tensor, x: Tensor, dim: int = -1) -> tuple[Tensor, Tensor]:
    """The past followed by `x` along time, and the newest samples of that, as many as the past had."""
    extended = torch.cat([past, x], dim=dim)
    n_past = past.shape[dim]
    return extended, extended.narrow(dim, extended.shape[dim] - n_past, n_past)
