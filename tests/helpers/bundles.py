"""Bundles small enough to make in a test: a hand-written encoder with a memory, and the flagship network untrained."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realtime.bundle.bank import Bank
from realtime.bundle.bundle import ENCODER, Bundle, write_bundle
from realtime.bundle.calibration import Calibration
from realtime.preprocess.config import PreprocessConfig

CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
# Names of a 64-channel cap, as eegmmidb orders them.
CAP = tuple(
    "FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 "
    "F5 F3 F1 Fz F2 F4 F6 F8 FT7 FT8 T7 T8 T9 T10 TP7 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 "
    "Iz".split()
)
CAP_SFREQ, EVENTS = 160.0, {"T1": "both fists", "T2": "both feet"}
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


def flagship_bundle(folder: Path) -> Bundle:
    """The flagship network for the cap, small and untrained, exported for real; takes many seconds."""
    import torch

    from decoder.export import export_onnx
    from decoder.networks import build_network

    folder.mkdir()
    torch.manual_seed(0)
    config = {
        "n_channels": len(CAP), "sfreq": 128.0, "hop_samples": HOP_SAMPLES, "embedding_dim": 16, "dim": 16,
        "stem_features": 4, "n_layers": 1, "power_bands": 3, "power_sources": 2,
    }  # fmt: skip
    network = build_network("gat_transformer", **config)
    export_onnx(network, folder / ENCODER, {})
    return write_bundle(
        folder,
        Bank(tuple(EVENTS.values()), np.random.default_rng(1).normal(size=(len(EVENTS), 16))),
        "# flagship",
        name="flagship",
        network={"name": "gat_transformer", "config": config},
        states=list(network.init_state(1)),
        ch_names=list(CAP),
        positions_m=[[None] * 3] * len(CAP),
        sfreq=CAP_SFREQ,
        hop_samples=HOP_SAMPLES,
        window_s=[0.0, 2.0],
        preprocess=PreprocessConfig(),
        events=EVENTS,
        targets="labels",
        calibration=Calibration(log_scale=1.0),
        training={},
        accuracy={},
    )
