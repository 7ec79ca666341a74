"""The whole way: simulated amplifier, LSL, the real engine, the server, a client."""

import json
from uuid import uuid4

import numpy as np
import pytest
import pyxdf
from websockets.sync.client import connect

from realtime.simulation.amplifier import Amplifier, simulated_amplifier
from serve.api.server import serving
from serve.backend import realtime_backend
from serve.protocol.frames import unpack_frame
from serve.protocol.messages import EVENT_MESSAGE
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.bundles import CH_NAMES, DIM, HOP_SAMPLES, LABELS, SFREQ, tiny_bundle
from tests.helpers.waiting import PATIENCE_S, until


@pytest.fixture
def bundle(tmp_path):
    return tiny_bundle(tmp_path / "tiny").path


def test_decisions_of_a_live_stream_reach_a_client(bundle, capfd):
    name = f"test-{uuid4().hex[:8]}"
    amplifier = Amplifier(name, CH_NAMES, SFREQ, np.eye(3), LABELS)
    settings = Settings(bundle=bundle, stream=name, markers=f"{name}-markers", port=0)
    got = []
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as server:
        url = server.replace("http", "ws", 1) + "/v1/sessions/s1"
        with connect(f"{url}/events?embedding=true", proxy=None) as events:
            while sum(message.type == "decision" and message.trial is not None for message in got) < 3:
                text = events.recv(PATIENCE_S)
                got.append(EVENT_MESSAGE.validate_json(text))
                assert json.loads(text)["session"] == "s1"
        with connect(f"{url}/signal", proxy=None) as signal:
            _, _, _, samples = unpack_frame(signal.recv(PATIENCE_S))
        assert until(lambda: http.get(f"{server}/readyz").status_code == 200)
        assert http.get(f"{server}/v1/bank").json()["labels"] == list(LABELS)
        assert until(lambda: name in [stream["name"] for stream in http.get(f"{server}/v1/streams").json()])
        assert http.delete(f"{server}/v1/sessions/s1").status_code == 204
    assert "tiny runs on CPUExecutionProvider: one hop on the CPU" in capfd.readouterr().out
    hello, trial = got[0], next(message for message in got if message.type == "trial")
    decision = got[-1]
    assert (hello.name, hello.note, hello.channels) == ("tiny", "an untrained encoder", CH_NAMES)
    assert hello.hop_s == HOP_SAMPLES / SFREQ
    assert trial.label in LABELS
    assert decision.trial == trial.trial
    assert decision.t_onset == pytest.approx(trial.t_onset, abs=1 / SFREQ)
    assert len(decision.embedding) == DIM
    assert set(decision.latency_ms) == {"age", "preprocess", "encode", "retrieve"}
    assert samples.shape[1] == len(CH_NAMES)
    assert "live" in [message.state for message in got if message.type == "status"]


def test_a_recording_has_signal_markers_and_decisions_on_one_clock(bundle, tmp_path):
    """The file of `--record`, verified before the session has ended, as pyxdf reads it."""
    name, folder = f"test-{uuid4().hex[:8]}", tmp_path / "lab"
    folder.mkdir()
    amplifier = Amplifier(name, CH_NAMES, SFREQ, np.eye(3), LABELS)
    settings = Settings(bundle=bundle, stream=name, markers=f"{name}-markers", port=0, record=folder, sub="07")
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as server:
        url = server.replace("http", "ws", 1) + "/v1/sessions/s1/events?after=0"
        with connect(url, proxy=None) as events:
            said = []
            decided = 0
            while decided < 60:
                said.append(json.loads(events.recv(PATIENCE_S)))
                recording = any(f"{name}-scores is being recorded" in one.get("detail", "") for one in said)
                decided += said[-1]["type"] == "decision" and recording
            assert http.delete(f"{server}/v1/sessions/s1").status_code == 204
            said += [json.loads(text) for text in events]
    (path,) = folder.glob("sub-07/ses-S001/eeg/*.xdf")
    last = [one for one in said if one["type"] == "status"][-1]
    assert (last["state"], str(path) in last["detail"]) == ("recorded", True)
    streams = {stream["info"]["name"][0]: stream for stream in pyxdf.load_xdf(str(path))[0]}
    assert set(streams) == {name, f"{name}-markers", f"{name}-scores", f"{name}-decisions"}
    decisions = [json.loads(text) for [text] in streams[f"{name}-decisions"]["time_series"]]
    decisions = [one for one in decisions if one["type"] == "decision"]
    published = [one for one in said if one["type"] == "decision"]
    assert decisions[-1]["hop"] == published[-1]["hop"]  # to the very last
    hops = [one["hop"] for one in decisions]
    assert hops == list(range(hops[0], hops[-1] + 1))
    # Every decision is stamped as the newest sample it used.
    signal = streams[name]["time_stamps"]
    stamps = np.array([stamp for stamp in streams[f"{name}-scores"]["time_stamps"] if signal[0] < stamp < signal[-1]])
    assert len(stamps) > 20
    nearest = np.abs(signal[np.searchsorted(signal, stamps - 0.5 / SFREQ)] - stamps)
    assert nearest.max() < 0.5 / SFREQ


def test_a_live_session_is_paused_saved_loaded_and_given_another_bundle(bundle):
    name = f"test-{uuid4().hex[:8]}"
    other = tiny_bundle(bundle.parent / "other").path
    amplifier = Amplifier(name, CH_NAMES, SFREQ, np.eye(3), LABELS)
    settings = Settings(bundle=bundle, stream=name, markers=f"{name}-markers", port=0)
    with simulated_amplifier(amplifier), serving(settings, realtime_backend()) as server:
        where, url = f"{server}/v1/sessions/s1", server.replace("http", "ws", 1) + "/v1/sessions/s1/events"
        with connect(url, proxy=None) as events:

            def heard(kind, **wanted):
                while True:
                    said = json.loads(events.recv(PATIENCE_S))
                    if said["type"] == kind and all(said[key] == value for key, value in wanted.items()):
                        return said

            hop = heard("decision")["hop"]
            assert http.post(f"{where}/pause").json()["paused"]
            heard("status", state="paused")
            state = http.get(f"{where}/state").content
            assert http.put(f"{where}/state", content=b"\x00" + state).status_code == 400
            assert http.put(f"{where}/state", content=state).status_code == 204
            http.post(f"{where}/resume")
            heard("status", state="resumed")
            assert heard("decision")["hop"] > hop
            assert http.post(f"{where}/bundle", json={"bundle": other.name}).status_code == 200
            heard("status", state="swapped")
            hello = json.loads(events.recv(PATIENCE_S))
            assert hello["type"] == "hello"
            assert heard("decision")["bundle"] == hello["bundle"]
