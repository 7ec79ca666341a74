"""The shared check of every streaming layer: one `Case` says how to make and feed it, `check_*` hold the claims."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from decoder.export import open_onnx, random_onset, run_onnx, write_onnx
from decoder.streaming import State, Streaming

HOP_S = 0.05


@dataclass(frozen=True)
class Case:
    """A row of the table: a layer and the shape of what it takes."""

    make: Callable[[], Streaming]
    n_features: int  # channels in
    time_last: bool = True  # input [B, C, T] or [B, T, C]
    steps_last: bool = True  # time axis of the output: last or second
    onset: bool = False  # takes since-onset seconds too


class Fed:
    """A layer with every weight away from its tidy initial value, and the means to feed it chunks of a stream."""

    def __init__(self, case: Case, batch: int = 2, n_steps: int = 24):
        torch.manual_seed(0)
        self.case, self.layer = case, case.make().eval()
        with torch.no_grad():
            for weight in self.layer.parameters():
                weight += 0.1 * torch.randn_like(weight)
        self.time, self.steps = (-1 if case.time_last else 1), (-1 if case.steps_last else 1)
        n_times = n_steps * self.layer.hop
        shape = (batch, case.n_features, n_times) if case.time_last else (batch, n_times, case.n_features)
        self.x = torch.randn(shape)
        self.onset = random_onset(batch, n_steps, HOP_S, torch.Generator().manual_seed(1)) if case.onset else None

    def run(self, state: State | None, start: int, stop: int, x: Tensor | None = None) -> tuple[Tensor, State]:
        """Output steps `start` to `stop`, from `state`."""
        x, hop = self.x if x is None else x, self.layer.hop
        chunk = x.narrow(self.time, start * hop, (stop - start) * hop)
        onset = {} if self.onset is None else {"onset_BH": self.onset[:, start:stop]}
        return self.layer(chunk, state, **onset)

    def rows(self, keep: slice) -> "Fed":
        """The same layer with some of the streams."""
        other = object.__new__(Fed)
        other.__dict__ = self.__dict__ | {"x": self.x[keep], "onset": None if self.onset is None else self.onset[keep]}
        return other


def close(got: Tensor, want: Tensor, what: str, tolerance: float = 2e-5) -> None:
    """Equal to float32 rounding, relative to the largest value."""
    assert got.shape == want.shape, what
    assert got.dtype == want.dtype, what
    if want.numel():
        worst = (got - want).abs().max().item()
        assert worst <= tolerance * max(1.0, want.abs().max().item()), f"{what}: off by {worst}"


def same_state(got: State, want: State) -> None:
    assert list(got) == list(want)
    for key in want:
        close(got[key], want[key], f"state {key}")


def check_chunks(case: Case, cuts: list[int]) -> None:
    """Any chunking gives the outputs, the final state and the gradients of the whole."""
    fed = Fed(case)
    n_steps = fed.x.shape[fed.time] // fed.layer.hop
    edges = [0, *sorted(min(cut, n_steps) for cut in cuts), n_steps]
    results = []
    for bounds in ([0, n_steps], edges):
        x, state, parts = fed.x.clone().requires_grad_(), None, []
        for start, stop in pairwise(bounds):
            y, state = fed.run(state, start, stop, x)
            parts.append(y)
        whole = torch.cat(parts, dim=fed.steps)
        weight = torch.randn(whole.shape, generator=torch.Generator().manual_seed(2))
        inputs = [x, *fed.layer.parameters()]
        results.append((whole, state, torch.autograd.grad((whole * weight).sum(), inputs)))
    (whole, last, gradients), (chunked, carried, gradients_chunked) = results
    close(chunked, whole, "output")
    same_state(carried, last)
    for got, want in zip(gradients_chunked, gradients, strict=True):
        close(got, want, "gradient", 1e-4)


def check_causal(case: Case) -> None:
    """No output depends on a later sample, and each depends on the newest of its own hop."""
    fed = Fed(case)
    step = 13
    gradient = input_gradient(fed, step, 24)
    newest = (step + 1) * fed.layer.hop
    assert gradient[newest:].max() == 0
    assert gradient[newest - 1] > 0


def check_receptive_field(case: Case) -> None:
    """The declared receptive field is the measured one."""
    declared, hop = case.make().receptive_field, case.make().hop
    n_steps = -(-declared // hop) + 3
    fed = Fed(case, batch=1, n_steps=n_steps)
    gradient = input_gradient(fed, n_steps - 1, n_steps)
    assert len(gradient) - int(gradient.nonzero()[0]) == declared


def input_gradient(fed: Fed, step: int, n_steps: int) -> Tensor:
    """How much the output at `step` depends on each input sample, [T]."""
    x = fed.x.clone().requires_grad_()
    y, _ = fed.run(None, 0, n_steps, x)
    y = y.select(fed.steps, step)
    # A random weighting, because the plain sum of a softmax or a norm has no gradient.
    (y * torch.randn_like(y)).sum().backward()
    return x.grad.abs().transpose(fed.time, -1).flatten(0, -2).amax(0)


def check_state(case: Case) -> None:
    """A chunk, empty or not, leaves its input state alone; names, order, shapes and types never change."""
    fed = Fed(case)
    silence = fed.layer.init_state(2)
    _, state = fed.run(None, 0, 5)
    before = {key: value.clone() for key, value in state.items()}
    empty, after = fed.run(state, 5, 5)
    assert empty.shape[fed.steps] == 0
    assert [n for i, n in enumerate(empty.shape) if i != fed.steps % empty.dim()] == [
        n for i, n in enumerate(fed.run(state, 5, 6)[0].shape) if i != fed.steps % empty.dim()
    ]
    for given in (state, after):
        assert list(given) == list(before)
        for key, value in before.items():
            assert torch.equal(given[key], value)
    for key, value in fed.run(state, 5, 9)[1].items():
        assert value.shape == silence[key].shape
        assert value.dtype == silence[key].dtype
    assert all(not value.any() for value in silence.values())
    assert list(fed.run(None, 0, 0)[1]) == list(silence)


def check_batch(case: Case) -> None:
    """Streams of different age in one batch answer as each does alone."""
    fed = Fed(case)
    alone = [fed.rows(slice(i, i + 1)) for i in range(2)]
    states = [alone[0].run(None, 0, 3)[1], alone[1].run(alone[1].run(None, 0, 2)[1], 2, 11)[1]]
    together = {key: torch.cat([state[key] for state in states]) for key in states[0]}
    y, new = fed.run(together, 12, 20)
    for i, one in enumerate(alone):
        want, want_state = one.run(states[i], 12, 20)
        close(y[i : i + 1], want, f"stream {i}")
        same_state({key: value[i : i + 1] for key, value in new.items()}, want_state)


def check_unread_slots(case: Case) -> None:
    """Key/value slots not yet filled may hold anything, even NaN: nothing leaks."""
    fed = Fed(case)
    poisoned = {
        key: torch.full_like(value, torch.nan) if key.split(".")[-1] in ("k", "v") else value
        for key, value in fed.layer.init_state(2).items()
    }
    want, _ = fed.run(None, 0, 24)
    y, state = fed.run(poisoned, 0, 7)
    rest, _ = fed.run(state, 7, 24)
    close(torch.cat([y, rest], dim=fed.steps), want, "output")


def check_onnx(case: Case, folder: Path) -> None:
    """The ONNX file, step by step, answers as torch does on the whole, alone and three streams at a time."""
    fed = Fed(case, batch=3, n_steps=120)
    onset = {} if fed.onset is None else {"onset_BH": ("onset", fed.onset[:2, :1])}
    write_onnx(fed.layer, folder / "layer.onnx", fed.x[:2].narrow(fed.time, 0, fed.layer.hop), onset)
    session = open_onnx(folder / "layer.onnx")
    for batch in (1, 3):
        some = fed.rows(slice(batch))
        hops = [{"signal": x.numpy()} for x in some.x.split(fed.layer.hop, fed.time)]
        if some.onset is not None:
            hops = [hop | {"onset": s.numpy()} for hop, s in zip(hops, some.onset.split(1, 1), strict=True)]
        with torch.inference_mode():
            want, last = some.run(None, 0, 120)
        outputs, carried = run_onnx(session, hops, fed.layer.init_state(batch))
        close(torch.from_numpy(np.concatenate(outputs, axis=fed.steps)), want, "output")
        same_state({key: torch.from_numpy(value) for key, value in carried.items()}, last)
