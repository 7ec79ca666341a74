import threading
from dataclasses import replace

import pytest

from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, ThreadEngine
from tests.helpers.clients import listening, metric, next_of
from tests.helpers.waiting import until


class EngineWithRequests(ThreadEngine):
    """An engine that notes what it is asked to open."""

    asked: list

    def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
        self.asked.append((query, tracks))
        super().open(session, decoder, query, tracks, paused)


@pytest.fixture
def requested():
    EngineWithRequests.asked = []
    return replace(BACKEND, engine=EngineWithRequests), EngineWithRequests.asked


def test_a_request_is_completed_by_the_settings_of_the_server(tmp_path, requested):
    backend, asked = requested
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, delay_s=0.05, tracks=8)
    with serving(settings, backend) as server:
        http.post(f"{server}/v1/sessions", json={"stream": "other"})
        http.post(f"{server}/v1/sessions", json={"stream": "third", "delay_s": 0.0, "tracks": 1, "markers": "m"})
    assert asked == [(("demo-eeg", None, 0.05), 8), (("other", None, 0.05), 8), (("third", "m", 0.0), 1)]


def test_a_bundle_is_loaded_once_whatever_its_path(tmp_path, monkeypatch):
    bundle, loaded = tmp_path / "demo", []
    bundle.mkdir()
    monkeypatch.chdir(tmp_path)
    backend = replace(BACKEND, load=lambda path: loaded.append(path) or BACKEND.load(path))
    with serving(Settings(bundle="demo", stream="demo-eeg", port=0), backend) as server:
        body = {"stream": "other", "bundle": "demo"}
        assert http.post(f"{server}/v1/sessions", json=body).status_code == 201
    assert len(loaded) == 1


def test_a_stuck_output_delays_neither_clients_nor_the_engine(tmp_path, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr("serve.sessions.output.QUEUE_SIZE", 4)
    monkeypatch.setattr("serve.sessions.output.CLOSE_TIMEOUT_S", 0.1)
    monkeypatch.setattr("serve.sessions.osc.OscSink.send", lambda sink, message: free.wait())
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, osc="127.0.0.1:9")
    with serving(settings, BACKEND) as server, listening(server) as client:
        for _ in range(12):
            next_of(client, "decision")
        assert until(lambda: metric(server, 'glimpse_output_dropped_total{output="osc",session="s1"}') > 0)
        assert http.delete(f"{server}/v1/sessions/s1").status_code == 204
    free.set()
