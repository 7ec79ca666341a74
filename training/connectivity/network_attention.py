"""What the graph of a trained run joins, over a recording."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from decoder.graph.attention import GraphAttention
from decoder.streaming import Streaming
from realtime.decoding.hop import Hop
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.segments import recording_hops
from training.evaluate.encoders import torch_encoder
from training.runs.run import Run

DYNAMIC_GRAPH_S = 4.0  # of signal for each graph of a network that makes its own

AttentionMaps = tuple[np.ndarray, int]  # a graph (C, C), and the hops it speaks for


def mean_attention(run: Run, recording: Recording) -> np.ndarray:
    """Mean attention (C, C) over a recording's hops, over heads and over graph layers; row i attends to column j.

    Of a network that makes its graph from the signal (`adjacency`), that graph: the mean of those at the end of each
    four seconds. Raises BadInput for a network without a graph over its channels and for a recording too short.
    """
    network, _ = run.load_trained()
    d = run.description
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, GraphAttention) and len(layer.index) == len(d.ch_names)
    ]
    makes_its_own = hasattr(network, "adjacency")
    if not layers and not makes_its_own:
        raise BadInput(
            f"{run.path}: network {d.network['name']!r} has 0 graphs over its {len(d.ch_names)} channels, 1 or more "
            "are needed to draw what it attends to; take a run of a graph network."
        )
    front = run.make_frontend()
    runs = [hops for hops in recording_hops(recording, front) if hops]
    try:
        found = _dynamic_graphs(network, runs, front.hop_s) if makes_its_own else _attended(network, layers, runs)
    except ValueError as error:  # a network whose graph was switched off
        raise BadInput(f"{run.path}: {error}") from error
    if not found:
        needed_s = DYNAMIC_GRAPH_S if makes_its_own else front.hop_s
        raise BadInput(f"{recording.name}: lasts {recording.duration_s:.2f} s, more than {needed_s:g} s are needed.")
    return np.average([graph for graph, _ in found], axis=0, weights=[n_hops for _, n_hops in found])


def _dynamic_graphs(network: Any, runs: Sequence[Sequence[Hop]], hop_s: float) -> list[AttentionMaps]:
    """The graph at the end of each whole moment."""
    size = round(DYNAMIC_GRAPH_S / hop_s)
    pieces = [hops[end - size : end] for hops in runs for end in range(size, len(hops) + 1, size)]
    signals = [torch.from_numpy(np.concatenate([hop.signal for hop in hops], axis=1)) for hops in pieces]
    with torch.inference_mode():
        return [(network.adjacency(signal[None])[0].numpy(), size) for signal in signals]


def _attended(
    network: Streaming, layers: Sequence[GraphAttention], runs: Sequence[Sequence[Hop]]
) -> list[AttentionMaps]:
    """The mean attention of each layer over each piece of a stretch."""
    found: list[AttentionMaps] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, GraphAttention)
        weight_SNK = layer.attention(inputs[0]).mean(dim=-1).flatten(0, -3)
        n_channels = len(layer.index)
        rows = torch.arange(n_channels)[:, None].expand_as(layer.index)
        mean = torch.zeros(n_channels, n_channels)
        mean.index_put_((rows, layer.index), torch.where(layer.valid, weight_SNK.mean(dim=0), 0.0), accumulate=True)
        found.append((mean.numpy(), len(weight_SNK)))

    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        encode = torch_encoder(network, streaming=False)
        for hops in runs:
            encode(hops)
    finally:
        for handle in handles:
            handle.remove()
    return found
