"""A network as one ONNX file, written only if its outputs equal those of torch.

The names of inputs and outputs are defined here: inputs `signal`, `onset`, `state.*`; outputs `embedding`, `next.*`.
"""

import copy
import functools
import inspect
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from decoder.streaming import State, Streaming

TOLERANCE = 1e-4  # of the largest value; float32 rounding over 2,000 steps measures near 1e-6


def export_onnx(network: Streaming, path: Path | str, metadata: dict[str, Any], subject: int = 0) -> float:
    """Write `network` as one ONNX file that takes exactly one hop a call, for any number of streams.

    Before the file gets its name, onnxruntime runs it for 2,000 hops, and for 100 hops of 3 streams, and its outputs
    are compared with those of torch. A difference raises ValueError and leaves nothing on disk. `metadata` goes into
    the file, each value as JSON unless a string. `subject` is fixed in the file. Returns the difference, as a share of
    the largest value. ValueError, too, for a network that takes whole windows.
    """
    if not isinstance(network, Streaming):
        raise ValueError(
            f"{type(network).__name__}: its window is fixed, so it cannot run live: it is a teacher and baseline; "
            "export a network that streams"
        )
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    network = copy.deepcopy(network).cpu().eval()
    network.forward = functools.partial(network.forward, subject=subject)
    config: Any = network.config
    try:
        x = torch.zeros(2, config.n_channels, config.hop_samples)
        write_onnx(network, partial, x, {"onset_BH": ("onset", torch.zeros(2, 1))})
        model = onnx.load(partial)
        strip_local_paths(model)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
        onnx.save(model, partial)
        worst = max(check_parity(network, partial, batch, n_hops) for batch, n_hops in ((1, 2000), (3, 100)))
        partial.replace(path)
        return worst
    finally:
        partial.unlink(missing_ok=True)


def strip_local_paths(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes on operators and values: stack traces with paths of this machine."""
    graph = model.graph
    for item in [*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer, graph]:
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


def write_onnx(
    layer: Streaming,
    path: Path,
    x: Tensor,
    extra: dict[str, tuple[str, Tensor]] | None = None,
) -> None:
    """Export a streaming layer for inputs of the shape of `x`, with a dynamic batch (`x` needs 2 streams or more).

    `extra`: further tensors by argument name, each with its name in the file.
    """
    state = layer.init_state(x.shape[0])
    extra = extra or {}
    first, *others = inspect.signature(layer.forward).parameters
    values = ({"state": state} if state else {}) | {key: tensor.contiguous() for key, (_, tensor) in extra.items()}
    order = sorted(values, key=others.index)  # the exporter orders inputs by signature
    names = {"state": [f"state.{key}" for key in state]} | {key: [name] for key, (name, _) in extra.items()}
    shapes = {"state": {key: {0: "batch"} for key in state}} | {key: {0: "batch"} for key in extra}
    with quiet_exporter():
        torch.onnx.export(
            layer,
            (x.contiguous(),),  # the exporter cannot express the strides of a view
            path,
            kwargs={key: values[key] for key in order},
            input_names=["signal", *(name for key in order for name in names[key])],
            output_names=["embedding", *(f"next.{key}" for key in state)],
            dynamic_shapes={first: {0: "batch"}} | {key: shapes[key] for key in order},
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Hide the messages of torch's exporter about itself; warnings about the network are shown."""
    registry = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registry.level
    registry.setLevel(logging.ERROR)  # it reports every missing torchvision operator
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used", UserWarning)
            yield
    finally:
        registry.setLevel(level)


def open_onnx(path: Path) -> onnxruntime.InferenceSession:
    """A session on one CPU thread: a hop is too small to be split between threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_onnx(
    session: onnxruntime.InferenceSession, hops: list[dict[str, np.ndarray]], state: State
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Run the file hop by hop: its outputs, and the state after the last hop."""
    names = [output.name for output in session.get_outputs()]
    carried, outputs = {f"state.{key}": value.numpy() for key, value in state.items()}, []
    for hop in hops:
        y, *new = session.run(names, hop | carried)
        carried = {name.replace("next.", "state.", 1): value for name, value in zip(names[1:], new, strict=True)}
        outputs.append(y)
    return outputs, {name.removeprefix("state."): value for name, value in carried.items()}


def check_parity(network: Streaming, path: Path, batch: int, n_hops: int) -> float:
    """Largest difference of the file, hop by hop, from torch, 100 hops at a time; ValueError beyond the tolerance."""
    config: Any = network.config
    rng = torch.Generator().manual_seed(0)
    signal = torch.randn(batch, config.n_channels, n_hops * config.hop_samples, generator=rng)
    onset = random_onset(batch, n_hops, config.hop_samples / config.sfreq, rng)
    state, chunks = network.init_state(batch), list[Tensor]()
    with torch.inference_mode():
        for x, since in zip(signal.split(100 * config.hop_samples, -1), onset.split(100, -1), strict=True):
            y, state = network(x, state, since)
            chunks.append(y)
    hops = [
        {"signal": x.numpy(), "onset": since.numpy()}
        for x, since in zip(signal.split(config.hop_samples, -1), onset.split(1, -1), strict=True)
    ]
    outputs, carried = run_onnx(open_onnx(path), hops, network.init_state(batch))
    pairs = {"embedding": (torch.cat(chunks, dim=1).numpy(), np.concatenate(outputs, axis=1))}
    pairs |= {f"state {key}": (value.numpy(), carried[key]) for key, value in state.items()}
    worst = 0.0
    for name, (expected, actual) in pairs.items():
        difference = np.abs(expected - actual).max() / max(np.abs(expected).max(), 1e-6)
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{name} of the ONNX file differs from torch by {difference:.1e} of its largest value after {n_hops} "
                f"hops, needs {TOLERANCE:.0e}; nothing was written"
            )
        worst = max(worst, float(difference))
    return worst


def random_onset(batch: int, n_hops: int, hop_s: float, rng: torch.Generator) -> Tensor:
    """Since-onset seconds of trials of random length, a third of them without a known onset, [batch, n_hops]."""
    onset = torch.full((batch, n_hops), -1.0)
    for row in onset:
        start = 0
        while start < n_hops:
            length = int(torch.randint(1, 60, (), generator=rng))
            if torch.rand((), generator=rng) > 1 / 3:
                row[start : start + length] = hop_s * torch.arange(1, len(row[start : start + length]) + 1)
            start += length
    return onset
