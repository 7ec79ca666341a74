"""Encoders of whole recordings: torch, or onnxruntime as live."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop

CHUNK_HOPS = 512  # hops of one forward pass over a whole recording: bounds the memory on recordings of hours


class Encode(Protocol):
    """A function from consecutive hops to embeddings (n_hops, dim); its state starts from silence."""

    def __call__(self, hops: Sequence[Hop]) -> np.ndarray:
        """Encode the hops."""


def torch_encoder(network: nn.Module, streaming: bool) -> Encode:
    """An encoder that runs a streaming network, on one hop at a time or on long chunks."""

    def encode(hops: Sequence[Hop]) -> np.ndarray:
        step = 1 if streaming else CHUNK_HOPS
        state, embeddings = None, []
        with torch.inference_mode():
            for start in range(0, len(hops), step):
                chunk = hops[start : start + step]
                signal = torch.from_numpy(np.concatenate([hop.signal for hop in chunk], axis=1))[None]
                embedding, state = network(signal, state, torch.tensor([onset_input(chunk)], dtype=torch.float32))
                embeddings.append(embedding[0].numpy())
        return np.concatenate(embeddings)

    return encode


def onnx_encoder(decoder: Decoder) -> Encode:
    """An encoder that runs a bundle's ONNX network on one hop at a time, as live."""

    def encode(hops: Sequence[Hop]) -> np.ndarray:
        state, embeddings = decoder.encoder.start(), []
        for hop in hops:
            embedding, state = decoder.encoder.step(hop.signal[None], np.array(onset_input([hop])), state)
            embeddings.append(embedding)
        return np.concatenate(embeddings)

    return encode


def onset_input(hops: Sequence[Hop]) -> list[float]:
    """The network's onset input of each hop of a single track, in seconds, negative when no onset is known."""
    return [hop.only_track().onset for hop in hops]
