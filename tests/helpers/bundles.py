"""Bundles small enough to make in a test: a hand-written encoder with a memory, and the flagship network untrained."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realtime.bank import Bank
from realtime.bundle import ENCODER, Bundle, write_bundle
from realtime.evidence import Calibration
from realtime.preprocess import PreprocessConfig

CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
LABELS = ("owl", "teapot", "sailing boat")
SFREQ, HOP_SAMPLES, DIM = 128.0, 8, 6


def encoder(
    n_channels: int = len(CH_NAMES), dim: int = DIM, signal: str = "signal", next_name: str = "next.sum"
) -> onnx.ModelProto:
    """Projects a leaky sum of the hops' means and the onset; a hop that goes astray shows in all that follow."""
    weights = np.random.default_rng(0).normal(size=(n_channels, dim)).astype(np.float32)
    shapes = {signal: (n_channels, HOP_SAMPLES), "onset": (1,), "state.sum": (n_channels,)}
    outs = {"embedding": (1, dim), next_name: (n_channels,)}
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in part.items()]
        for part in (shapes, outs)
    )
    constants = {"weights": weights, "keep": np.float32([0.98]), "last": np.array([2]), "row": np.array([1])}
    nodes = [
        helper.make_node("ReduceMean", [signal, "last"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["state.sum", "keep"], ["kept"]),
        helper.make_node("Add", ["kept", "mean"], [next_name]),
        helper.make_node("Add", [next_name, "onset"], ["seen"]),
        helper.make_node("MatMul", ["seen", "weights"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "row"], ["embedding"]),
    ]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def tiny_bundle(folder: Path, ch_names: tuple[str, ...] = CH_NAMES, sfreq: float = SFREQ, **fields) -> Bundle:
    """A bundle in `folder`, which is made; `fields` overrule the manifest's, `model` the encoder."""
    folder.mkdir()
    onnx.save(fields.pop("model", None) or encoder(len(ch_names)), folder / ENCODER)
    given = {
        "name": "tiny",
        "note": "an untrained encoder",
        "network": {},
        "states": ["sum"],
        "ch_names": list(ch_names),
        "positions_m": [[None] * 3] * len(ch_names),
        "sfreq": sfreq,
        "hop_samples": HOP_SAMPLES,
        "window_s": [0.0, 0.8],
        "preprocess": PreprocessConfig(),
        "events": {label: label for label in LABELS},
        "targets": "labels",
        "calibration": Calibration(),
        "training": {},
        "accuracy": {},
    }
    bank = Bank(LABELS, np.random.default_rng(1).normal(size=(len(LABELS), DIM)))
    return write_bundle(folder, bank, "# tiny", **given | fields)


def flagship_bundle(folder: Path, ch_names: tuple[str, ...], sfreq: float, events: dict[str, str]) -> Bundle:
    """The flagship network, small and untrained, exported for real; takes seconds, so make one for all tests."""
    import torch

    from decoder.export import export_onnx
    from decoder.networks import build

    folder.mkdir()
    torch.manual_seed(0)
    config = {
        "n_channels": len(ch_names), "sfreq": 128.0, "hop_samples": HOP_SAMPLES, "embedding_dim": 16, "dim": 16,
        "stem_features": 4, "n_layers": 1, "power_bands": 3, "power_sources": 2,
    }  # fmt: skip
    network = build("gat_transformer", **config)
    export_onnx(network, folder / ENCODER, {})
    return write_bundle(
        folder,
        Bank(tuple(events.values()), np.random.default_rng(1).normal(size=(len(events), 16))),
        "# flagship",
        name="flagship",
        network={"name": "gat_transformer", "config": config},
        states=list(network.init_state(1)),
        ch_names=list(ch_names),
        positions_m=[[None] * 3] * len(ch_names),
        sfreq=sfreq,
        hop_samples=HOP_SAMPLES,
        window_s=[0.0, 2.0],
        preprocess=PreprocessConfig(),
        events=events,
        targets="labels",
        calibration=Calibration(log_scale=1.0),
        training={},
        accuracy={},
    )
