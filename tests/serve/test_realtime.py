"""The whole way: simulated amplifier, LSL, the real engine, the server, a client."""

import json
from uuid import uuid4

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydantic import TypeAdapter
from websockets.sync.client import connect

from realtime.bank import Bank
from realtime.bundle import ENCODER, write_bundle
from realtime.evidence import Calibration
from realtime.preprocess import PreprocessConfig
from realtime.simulator import Amplifier, simulated_amplifier
from serve.backend import realtime_backend
from serve.main import from_environment, serving
from serve.protocol import Message, unpack_frame
from serve.settings import Settings

CH_NAMES = ("Fz", "C3", "Cz", "C4", "Pz", "O1", "Oz", "O2")
LABELS = ("owl", "teapot", "sailing boat")
SFREQ, HOP_SAMPLES, DIM = 128.0, 8, 6


def write_encoder(path):
    """The mean of the hop, projected; counts its hops in `state.count`."""
    weights = np.random.default_rng(0).normal(size=(len(CH_NAMES), DIM)).astype(np.float32)
    shapes = {"signal": (len(CH_NAMES), HOP_SAMPLES), "onset": (1,), "state.count": (1,)}
    outs = {"embedding": (1, DIM), "next.count": (1,)}
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in part.items()]
        for part in (shapes, outs)
    )
    constants = {"weights": weights, "one": np.ones(1, np.float32), "last": np.array([2]), "row": np.array([1])}
    nodes = [
        helper.make_node("ReduceMean", ["signal", "last"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "row"], ["embedding"]),
        helper.make_node("Add", ["state.count", "one"], ["next.count"]),
    ]
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, held)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    write_encoder(folder / ENCODER)
    write_bundle(
        folder,
        Bank(LABELS, np.random.default_rng(1).normal(size=(3, DIM))),
        "# tiny",
        name="tiny",
        note="an untrained encoder",
        network={},
        states=["count"],
        ch_names=list(CH_NAMES),
        positions_m=[[None] * 3] * len(CH_NAMES),
        sfreq=SFREQ,
        hop_samples=HOP_SAMPLES,
        window_s=[0.0, 0.8],
        preprocess=PreprocessConfig(),
        events={label: label for label in LABELS},
        targets="labels",
        calibration=Calibration(),
        training={},
        accuracy={},
    )
    return folder


def test_decisions_of_a_live_stream_reach_a_client(bundle):
    name = f"test-{uuid4().hex[:8]}"
    amplifier = Amplifier(name, CH_NAMES, SFREQ, np.eye(3), LABELS, seconds=30.0)
    settings = Settings(bundle=bundle, stream=name, markers=f"{name}-markers", port=0)
    got = []
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as server:
        url = server.replace("http", "ws", 1) + "/v1/sessions/s1"
        with connect(f"{url}/events?embedding=true", proxy=None) as events:
            while sum(message.type == "decision" and message.trial is not None for message in got) < 3:
                text = events.recv(15)
                got.append(TypeAdapter(Message).validate_json(text))
                assert json.loads(text)["session"] == "s1"
        with connect(f"{url}/signal", proxy=None) as signal:
            _, _, _, samples = unpack_frame(signal.recv(5))
        assert httpx.get(f"{server}/readyz").status_code == 200
        assert httpx.get(f"{server}/v1/bank").json()["labels"] == list(LABELS)
        assert name in [stream["name"] for stream in httpx.get(f"{server}/v1/streams").json()]
        assert httpx.delete(f"{server}/v1/sessions/s1").status_code == 204
    hello, trial = got[0], next(message for message in got if message.type == "trial")
    decision = got[-1]
    assert (hello.name, hello.note, hello.channels) == ("tiny", "an untrained encoder", list(CH_NAMES))
    assert hello.hop_s == HOP_SAMPLES / SFREQ
    assert trial.label in LABELS
    assert decision.trial == trial.trial
    assert decision.t_onset == pytest.approx(trial.t_onset, abs=1 / SFREQ)
    assert len(decision.embedding) == DIM
    assert set(decision.latency_ms) == {"age", "preprocess", "encode", "retrieve"}
    assert samples.shape[1] == len(CH_NAMES)
    assert "live" in [message.state for message in got if message.type == "status"]


def test_a_flag_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("GLIMPSE_PORT", "9000")
    monkeypatch.setenv("GLIMPSE_KEEP_MESSAGES", "10")
    assert from_environment() == ["--port", "9000", "--keep-messages", "10"]
