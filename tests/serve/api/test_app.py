import gc
import socket
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from realtime.errors import BadInput
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND


def test_another_host_name_of_this_machine_is_refused(server):
    """A page elsewhere may have its own name resolve to 127.0.0.1; its requests and sockets are then same-origin."""
    port = server.rsplit(":", 1)[1]
    assert http.get(f"{server}/v1/sessions", headers={"host": f"elsewhere.example:{port}"}).status_code == 400
    assert http.get(f"{server}/v1/sessions", headers={"host": f"localhost:{port}"}).status_code == 200
    with socket.create_connection(("127.0.0.1", int(port))) as raw:
        url = f"ws://elsewhere.example:{port}/v1/sessions/s1/events"
        with pytest.raises(InvalidStatus) as refused, connect(url, sock=raw, proxy=None):
            pass
    assert refused.value.response.status_code == 400


def test_the_only_eeg_stream_is_opened_and_two_are_an_error(tmp_path):
    with serving(Settings(bundle=tmp_path, port=0), BACKEND) as server:
        assert http.get(f"{server}/v1/sessions").json()[0]["stream"] == "demo-eeg"
    two = replace(BACKEND, streams=lambda: BACKEND.streams() * 2)
    with pytest.raises(BadInput, match="--stream"), serving(Settings(bundle=tmp_path, port=0), two):
        pass
    none = replace(BACKEND, streams=list)
    with serving(Settings(bundle=tmp_path, port=0), none) as server:
        assert http.get(f"{server}/v1/sessions").json() == []


def test_imported_modules_are_left_out_of_garbage_collection(tmp_path):
    """A pass over all of it holds every thread up for many milliseconds."""
    with serving(Settings(bundle=tmp_path, port=0), BACKEND):
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
