"""Encoders of whole recordings: by torch, or by onnxruntime as live."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from realtime.decoding.decoder import Decoder
from realtime.decoding.hop import Hop

WHOLE_HOPS = 512  # hops a whole-mode pass takes at once: bounds memory on recordings of hours


class Encode(Protocol):
    """Embeddings (n_hops, dim) of consecutive hops, from silence."""

    def __call__(self, hops: Sequence[Hop]) -> np.ndarray:
        """Encode them."""


def torch_encoder(network: nn.Module, streaming: bool) -> Encode:
    """The trained network, whole stretches at once or one hop at a time."""

    def encode(hops: Sequence[Hop]) -> np.ndarray:
        step = 1 if streaming else WHOLE_HOPS
        state, parts = None, []
        with torch.inference_mode():
            for begin in range(0, len(hops), step):
                part = hops[begin : begin + step]
                signal = torch.from_numpy(np.concatenate([hop.signal for hop in part], axis=1))[None]
                onset = torch.tensor([[hop.onset for hop in part]], dtype=torch.float32)
                embedding, state = network(signal, state, onset)
                parts.append(embedding[0].numpy())
        return np.concatenate(parts)

    return encode


def onnx_encoder(decoder: Decoder) -> Encode:
    """A bundle's encoder on onnxruntime, one hop at a time as live."""

    def encode(hops: Sequence[Hop]) -> np.ndarray:
        state, parts = decoder.runner.start(), []
        for hop in hops:
            embedding, state = decoder.runner.step(hop.signal[None], np.array([hop.onset]), state)
            parts.append(embedding)
        return np.concatenate(parts)

    return encode
