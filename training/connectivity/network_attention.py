"""The sensor graph that a trained network uses on a recording."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from decoder.graph.attention import GraphAttention
from realtime.decoding.hop import Hop
from realtime.errors import BadInput
from realtime.recordings.recording import Recording
from training.data.segments import recording_hops
from training.evaluate.encoders import torch_encoder
from training.runs.run import Run

DYNAMIC_GRAPH_S = 4.0  # of signal for each graph of a network that computes its graph from the signal

AttentionMap = tuple[np.ndarray, int]  # a graph (C, C) and the number of hops that it averages


def mean_attention(run: Run, recording: Recording) -> np.ndarray:
    """Mean attention (C, C) over a recording's hops, over heads and over graph layers; row i attends to column j.

    For a network that computes its graph from the signal (`adjacency`), the mean of its graphs at the end of each four
    seconds. Raises BadInput for a network without a graph over its channels and for a recording that is too short.
    """
    network, _ = run.load_trained()
    description = run.description
    n_channels = len(description.ch_names)
    layers = [
        layer for layer in network.modules() if isinstance(layer, GraphAttention) and len(layer.index) == n_channels
    ]
    dynamic = hasattr(network, "adjacency")
    if not layers and not dynamic:
        raise BadInput(
            f"{run.path}: network {description.network['name']!r} has 0 graphs over its {n_channels} channels, 1 or "
            "more are needed to draw what it attends to; name a run of a graph network."
        )
    frontend = run.make_frontend()
    spans = [hops for hops in recording_hops(recording, frontend) if hops]
    try:
        maps = _dynamic_graphs(network, spans, frontend.hop_s) if dynamic else _attention_maps(network, layers, spans)
    except ValueError as error:  # a network whose graph was switched off
        raise BadInput(f"{run.path}: {error}") from error
    if not maps:
        needed_s = DYNAMIC_GRAPH_S if dynamic else frontend.hop_s
        raise BadInput(f"{recording.name}: lasts {recording.duration_s:.2f} s, more than {needed_s:g} s are needed.")
    return np.asarray(np.average([graph for graph, _ in maps], axis=0, weights=[n_hops for _, n_hops in maps]))


def _dynamic_graphs(network: Any, spans: Sequence[Sequence[Hop]], hop_s: float) -> list[AttentionMap]:
    """The graph at the end of each `DYNAMIC_GRAPH_S` of signal."""
    n_hops = round(DYNAMIC_GRAPH_S / hop_s)
    chunks = [hops[end - n_hops : end] for hops in spans for end in range(n_hops, len(hops) + 1, n_hops)]
    signals = [torch.from_numpy(np.concatenate([hop.signal for hop in hops], axis=1)) for hops in chunks]
    with torch.inference_mode():
        return [(network.adjacency(signal[None])[0].numpy(), n_hops) for signal in signals]


def _attention_maps(
    network: nn.Module, layers: Sequence[GraphAttention], spans: Sequence[Sequence[Hop]]
) -> list[AttentionMap]:
    """The mean attention of each layer in each forward pass over the spans."""
    maps: list[AttentionMap] = []

    def collect(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, GraphAttention)
        weight_SNK = layer.attention(inputs[0]).mean(dim=-1).flatten(0, -3)
        n_channels = len(layer.index)
        rows = torch.arange(n_channels)[:, None].expand_as(layer.index)
        mean = torch.zeros(n_channels, n_channels)
        mean.index_put_((rows, layer.index), torch.where(layer.valid, weight_SNK.mean(dim=0), 0.0), accumulate=True)
        maps.append((mean.numpy(), len(weight_SNK)))

    handles = [layer.register_forward_pre_hook(collect) for layer in layers]
    try:
        encode = torch_encoder(network, streaming=False)
        for hops in spans:
            encode(hops)
    finally:
        for handle in handles:
            handle.remove()
    return maps
