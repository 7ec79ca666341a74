"""Bundles with random weights, exported when needed: the cost of a hop does not depend on the weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from realtime.bundle.bank import Bank
from realtime.bundle.bundle import ENCODER, Bundle, positions_to_json, write_bundle
from realtime.bundle.calibration import Calibration
from realtime.bundle.manifest import Manifest
from realtime.preprocess.config import PreprocessConfig

N_LABELS = 48


def write_random_bundle(
    folder: Path,
    network: dict[str, Any],
    sfreq: float,
    ch_names: tuple[str, ...],
    positions_m: np.ndarray | None = None,
    preprocess: PreprocessConfig | None = None,
) -> Bundle:
    """Write a gat_transformer of the config `network` as a bundle in `folder`, which is created; takes many seconds."""
    module = export_random_network(folder, network)
    rng = np.random.default_rng(1)
    labels = tuple(f"label {k}" for k in range(N_LABELS))
    known_m = np.full((len(ch_names), 3), np.nan) if positions_m is None else positions_m
    return write_bundle(
        folder,
        Bank(labels, rng.normal(size=(N_LABELS, network["embedding_dim"]))),
        "# random weights, for benchmarks",
        name=folder.name,
        network={"name": "gat_transformer", "config": network},
        states=list(module.init_state(1)),
        ch_names=list(ch_names),
        positions_m=positions_to_json(known_m),
        sfreq=sfreq,
        hop_samples=network["hop_samples"],
        window_s=[0.0, 1.0],
        preprocess=preprocess or PreprocessConfig(sfreq=network["sfreq"]),
        events={label: label for label in labels},
        targets="labels",
        calibration=Calibration(),
        training={},
        accuracy={},
    )


def export_random_network(folder: Path, config: dict[str, Any]) -> Any:
    """Write the encoder of a gat_transformer with random weights into `folder`, which is created; the torch module."""
    import torch

    from decoder.export import write_onnx
    from decoder.networks import build_network
    from decoder.streaming import Streaming

    folder.mkdir()
    torch.manual_seed(0)
    network = build_network("gat_transformer", **config).eval()
    assert isinstance(network, Streaming)
    x = torch.zeros(2, config["n_channels"], config["hop_samples"])
    write_onnx(network, folder / ENCODER, x, {"onset_BH": ("onset", torch.zeros(2, 1))})
    return network


def parameters(manifest: Manifest) -> int:
    """Number of weights of a bundle's encoder."""
    from decoder.networks import build_network

    network = build_network(manifest.network["name"], **json.loads(json.dumps(manifest.network["config"])))
    return sum(weights.numel() for weights in network.parameters())
