"""The whole way: simulated amplifier, LSL, the real engine, the server, a client."""

import json
from uuid import uuid4

import httpx
import numpy as np
import pytest
from pydantic import TypeAdapter
from websockets.sync.client import connect

from realtime.simulator import Amplifier, simulated_amplifier
from serve.backend import realtime_backend
from serve.main import from_environment, serving
from serve.protocol import Message, unpack_frame
from serve.settings import Settings
from tests.helpers.bundles import CH_NAMES, DIM, HOP_SAMPLES, LABELS, SFREQ, tiny_bundle


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "tiny").path


def test_decisions_of_a_live_stream_reach_a_client(bundle, capfd):
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
    assert "tiny runs on CPUExecutionProvider: one hop of a small network" in capfd.readouterr().out
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


def test_a_switch_in_the_environment_is_on_or_off(monkeypatch):
    monkeypatch.setenv("GLIMPSE_LSL_OUT", "true")
    assert from_environment() == ["--lsl-out"]
    monkeypatch.setenv("GLIMPSE_LSL_OUT", "0")
    assert from_environment() == ["--no-lsl-out"]
