import asyncio
import gc
import json
import signal
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import httpx
import numpy as np
import pytest
from fastapi import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from realtime.errors import BadInput
from realtime.live.messages import status_message
from serve.api.server import Server, listen, serving
from serve.protocol.frames import unpack_frame
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND, CHANNELS, LABELS, SFREQ, ThreadEngine, decision


def socket_url(server, path):
    return server.replace("http", "ws", 1) + path


def listening(server, path="/v1/sessions/s1/events", **how):
    return connect(socket_url(server, path), proxy=None, **how)


def until(condition, timeout_s=5.0):
    """Wait for `condition`, and say whether it came true."""
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def next_of(client, kind):
    while (message := json.loads(client.recv(5)))["type"] != kind:
        pass
    return message


def test_a_client_hears_hello_then_state_then_decisions(server):
    with listening(server) as client:
        hello, status = json.loads(client.recv(5)), json.loads(client.recv(5))
        decisions = [next_of(client, "decision") for _ in range(3)]
    assert (hello["type"], hello["protocol"], hello["session"]) == ("hello", 1, "s1")
    assert (hello["labels"], hello["channels"]) == (list(LABELS), list(CHANNELS))
    assert status["state"] == "live"
    assert all(len(decision["top"]) == 5 and "embedding" not in decision for decision in decisions)


def test_embeddings_reach_those_who_ask_to_the_last_bit(server):
    with listening(server, "/v1/sessions/s1/events?embedding=true") as asked, listening(server) as other:
        decision = next_of(asked, "decision")
        while (same := next_of(other, "decision"))["seq"] < decision["seq"]:
            pass
    embedding = np.array(decision.pop("embedding"))
    assert embedding.shape == (32,)
    assert np.array_equal(np.float32(embedding), embedding)
    assert decision["seq"] != same["seq"] or decision == same


def test_a_client_that_comes_back_gets_what_it_missed(server):
    with listening(server) as client:
        seen = next_of(client, "decision")["seq"]
    time.sleep(0.3)
    with listening(server, f"/v1/sessions/s1/events?after={seen}") as client:
        assert json.loads(client.recv(5))["seq"] == seen
        client.recv(5)
        assert [json.loads(client.recv(5))["seq"] for _ in range(4)] == [seen + 1, seen + 2, seen + 3, seen + 4]


def test_a_client_away_too_long_is_told_how_many_it_lost(tmp_path):
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, keep_messages=4)
    with serving(settings, BACKEND) as server:
        assert until(lambda: httpx.get(f"{server}/v1/sessions/s1").json()["seq"] > 8)
        with listening(server, "/v1/sessions/s1/events?after=1") as client:
            dropped = next_of(client, "dropped")
            assert dropped["count"] == dropped["seq"] - 1
            assert json.loads(client.recv(5))["seq"] == dropped["seq"] + 1
        assert f'glimpse_dropped_total{{session="s1"}} {dropped["count"]}.0' in httpx.get(f"{server}/metrics").text


def test_traces_arrive_as_frames_in_time_order(server):
    with listening(server, "/v1/sessions/s1/signal") as client:
        frames = [unpack_frame(client.recv(5)) for _ in range(4)]
    t_first, sfreq, seq, samples = zip(*frames, strict=True)
    assert set(sfreq) == {SFREQ}
    assert np.all(np.diff(seq) == 1)
    np.testing.assert_allclose(np.diff(t_first), [len(x) / SFREQ for x in samples[:-1]])
    assert samples[0].shape[1] == len(CHANNELS)
    assert samples[0].std() > 1


@pytest.mark.parametrize("kind", ["events", "signal"])
def test_an_unknown_session_is_refused_before_the_socket_opens(server, kind):
    with pytest.raises(InvalidStatus) as refused, listening(server, f"/v1/sessions/nobody/{kind}"):
        pass
    assert refused.value.response.status_code == 404


def test_a_session_that_closes_during_a_handshake_ends_its_client(server, monkeypatch):
    """Closed between the check and the end of the handshake, where the server waits for the network."""
    accept = WebSocket.accept

    async def slow(websocket):
        await websocket.app.state.sessions.close("s1")
        await accept(websocket)

    monkeypatch.setattr(WebSocket, "accept", slow)
    with listening(server) as client:
        assert [json.loads(text)["type"] for text in client][:1] == ["hello"]
        assert client.close_code == 1001


def test_a_page_from_elsewhere_may_not_listen(server):
    with pytest.raises(InvalidStatus) as refused, listening(server, origin="https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403
    with listening(server, origin=server) as client:
        assert json.loads(client.recv(5))["type"] == "hello"


def test_a_name_that_only_points_to_this_machine_is_refused(server):
    """A page elsewhere may have its own name resolve to 127.0.0.1; its requests and sockets are then same-origin."""
    port = server.rsplit(":", 1)[1]
    assert httpx.get(f"{server}/v1/sessions", headers={"host": f"elsewhere.example:{port}"}).status_code == 400
    assert httpx.get(f"{server}/v1/sessions", headers={"host": f"localhost:{port}"}).status_code == 200
    with socket.create_connection(("127.0.0.1", int(port))) as raw:
        url = f"ws://elsewhere.example:{port}/v1/sessions/s1/events"
        with pytest.raises(InvalidStatus) as refused, connect(url, sock=raw, proxy=None):
            pass
    assert refused.value.response.status_code == 400


def test_unknown_things_are_404(server):
    assert httpx.get(f"{server}/v1/sessions/nobody").status_code == 404
    assert httpx.delete(f"{server}/v1/sessions/nobody").status_code == 404
    assert httpx.get(f"{server}/v1/bank?session=nobody").status_code == 404
    assert httpx.get(f"{server}/v1/nothing").status_code == 404


def test_what_a_client_says_is_ignored(server):
    with listening(server) as client:
        for said in ("hello?", '{"type": "unheard-of"}', b"\x00\xff", "x" * 10_000):
            client.send(said)
        assert next_of(client, "decision")["type"] == "decision"


def test_sessions_open_and_close(server):
    opened = httpx.post(f"{server}/v1/sessions", json={"stream": "other", "markers": "marks"})
    assert (opened.status_code, opened.json()["session"]) == (201, "s2")
    assert [session["stream"] for session in httpx.get(f"{server}/v1/sessions").json()] == ["demo-eeg", "other"]
    with listening(server, "/v1/sessions/s2/events") as client:
        assert next_of(client, "decision")["session"] == "s2"
        assert httpx.delete(f"{server}/v1/sessions/s2").status_code == 204
        assert all(client)  # the rest of the messages, until the server closes
        assert client.close_code == 1001
    assert httpx.get(f"{server}/v1/sessions/s2").status_code == 404


def test_bad_requests_say_what_is_wrong(server):
    misspelt = httpx.post(f"{server}/v1/sessions", json={"stream": "x", "bundel": "y"})
    assert misspelt.status_code == 422
    assert "bundel" in misspelt.text
    missing = httpx.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": "nowhere"})
    assert missing.status_code == 400
    assert "nowhere" in missing.json()["detail"]
    assert httpx.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": "../up"}).status_code == 422
    assert httpx.post(f"{server}/v1/sessions", json={"stream": "x", "bundle": ".."}).status_code == 422
    assert len(httpx.get(f"{server}/v1/sessions").json()) == 1


def test_streams_bank_and_openapi_are_served(server):
    assert httpx.get(f"{server}/v1/streams").json()[0]["name"] == "demo-eeg"
    assert httpx.get(f"{server}/v1/bank?session=s1").json()["labels"] == list(LABELS)
    assert "/v1/sessions" in httpx.get(f"{server}/openapi.json").json()["paths"]
    assert httpx.get(f"{server}/docs").status_code == 200


def test_health_is_life_and_readiness_is_fresh_samples(server):
    def ready():
        return httpx.get(f"{server}/readyz").status_code

    assert httpx.get(f"{server}/healthz").status_code == 200
    assert until(lambda: ready() == 200)
    httpx.delete(f"{server}/v1/sessions/s1")
    assert ready() == 503
    assert httpx.get(f"{server}/healthz").status_code == 200


class Quiet(ThreadEngine):
    """An engine whose stream never comes."""

    def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
        self.publish(session, status_message(session, "connecting", f"Looking for {query[0]}."))


def test_a_session_without_samples_is_not_ready(tmp_path):
    backend = replace(BACKEND, engine=Quiet)
    with serving(Settings(bundle=tmp_path, stream="absent", port=0), backend) as server:
        answer = httpx.get(f"{server}/readyz")
        assert (answer.status_code, answer.json()["fresh"]) == (503, {"s1": False})
        assert until(lambda: httpx.get(f"{server}/v1/sessions/s1").json()["detail"] == "Looking for absent.")


def test_metrics_count_decisions_and_their_age(server):
    def metric(line):
        return next((float(x.split()[-1]) for x in httpx.get(f"{server}/metrics").text.splitlines() if line in x), 0)

    assert until(lambda: metric('glimpse_decisions_total{session="s1"}') > 3)
    assert metric('glimpse_age_seconds_count{session="s1"}') > 3
    assert metric('glimpse_stage_seconds_count{session="s1",stage="encode"}') > 3


def test_closed_sockets_free_everything(tmp_path):
    """Clients that leave politely, or vanish, leave no reader, no task and no thread behind."""
    threads = threading.active_count()
    listener, url = listen(Settings(bundle=tmp_path, port=0))
    server = Server(Settings(bundle=tmp_path, stream="demo-eeg"), BACKEND)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert until(lambda: server.started)
        loop = server.servers[0].get_loop()
        hub = server.app.state.sessions.hub("s1")

        def tasks():
            async def count():
                return len(asyncio.all_tasks())

            return asyncio.run_coroutine_threadsafe(count(), loop).result(5)

        assert until(lambda: tasks() <= 3)
        before = tasks()
        with ExitStack() as stack:
            for i, path in enumerate(["events"] * 8 + ["signal"] * 4):
                client = stack.enter_context(listening(url, f"/v1/sessions/s1/{path}"))
                if i % 2:
                    stack.callback(client.socket.shutdown, 2)
            assert until(lambda: (len(hub.events.readers), len(hub.signal.readers)) == (8, 4))
        assert until(lambda: not hub.events.readers and not hub.signal.readers)
        assert until(lambda: tasks() <= before)
        assert until(lambda: not server.server_state.connections)
    finally:
        server.should_exit = True
        thread.join()
    assert threading.active_count() == threads


def test_a_client_that_stops_reading_slows_nobody_and_is_told_its_loss(tmp_path):
    """The reader that fell behind gets a `dropped` that accounts for every message it did not get."""

    class Flood(ThreadEngine):
        def run(self):
            # More than the buffers of both ends together hold of 40 messages.
            fat = replace(decision(np.random.default_rng(0), 0, 0, 0, 10.0), latency_ms={}, bundle="x" * 200_000)
            while not self.stopping.wait(0.004):
                for session in list(self.opened):
                    self.publish(session, fat)

    backend = replace(BACKEND, engine=Flood)
    settings = Settings(bundle=tmp_path, stream="x", port=0, queue_messages=8, keep_messages=16)
    with serving(settings, backend) as server, listening(server, close_timeout=0.2) as quick:
        narrow = socket.create_connection(("127.0.0.1", int(server.rsplit(":", 1)[1])))
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        with listening(server, "/v1/sessions/s1/events", max_queue=1, sock=narrow, close_timeout=0.2) as slow:
            seen = json.loads(slow.recv(5))["seq"]
            slow.recv(5)
            quick_seen = json.loads(quick.recv(5))["seq"]
            quick.recv(5)
            for _ in range(120):
                message = json.loads(quick.recv(5))
                quick_seen += message.get("count", 1)
                assert message["seq"] == quick_seen
            lost = 0
            while not lost:
                message = json.loads(slow.recv(5))
                seen += message.get("count", 1)
                lost = message.get("count", 0)
                assert message["seq"] == seen


def test_a_server_that_cannot_start_says_why_in_one_sentence(tmp_path, capsys):
    with pytest.raises(BadInput, match="not a folder"), serving(Settings(bundle=tmp_path / "no", port=0), BACKEND):
        pass
    with serving(Settings(bundle=tmp_path, port=0), BACKEND) as server:
        port = int(server.rsplit(":", 1)[1])
        with pytest.raises(BadInput, match=f"port {port}"):
            listen(Settings(bundle=tmp_path, port=port))


def test_a_defect_at_the_start_reaches_the_caller(tmp_path):
    def broken(path):
        raise RuntimeError("no libfoo")

    backend = replace(BACKEND, load=broken)
    with pytest.raises(RuntimeError, match="no libfoo"), serving(Settings(bundle=tmp_path, port=0), backend):
        pass


def test_a_bundle_is_loaded_once_however_it_is_named(tmp_path, monkeypatch):
    bundle, loaded = tmp_path / "demo", []
    bundle.mkdir()
    monkeypatch.chdir(tmp_path)
    backend = replace(BACKEND, load=lambda path: loaded.append(path) or BACKEND.load(path))
    with serving(Settings(bundle="demo", stream="demo-eeg", port=0), backend) as server:
        body = {"stream": "other", "bundle": "demo"}
        assert httpx.post(f"{server}/v1/sessions", json=body).status_code == 201
    assert len(loaded) == 1


def test_the_only_eeg_stream_in_sight_is_opened_and_two_are_a_question(tmp_path):
    with serving(Settings(bundle=tmp_path, port=0), BACKEND) as server:
        assert httpx.get(f"{server}/v1/sessions").json()[0]["stream"] == "demo-eeg"
    two = replace(BACKEND, streams=lambda: BACKEND.streams() * 2)
    with pytest.raises(BadInput, match="--stream"), serving(Settings(bundle=tmp_path, port=0), two):
        pass
    none = replace(BACKEND, streams=list)
    with serving(Settings(bundle=tmp_path, port=0), none) as server:
        assert httpx.get(f"{server}/v1/sessions").json() == []


def test_a_second_interrupt_does_not_cut_the_end_short(tmp_path):
    """Uvicorn would skip the end of the app, and with it the reading back of a recording."""
    server = Server(Settings(bundle=tmp_path), BACKEND)
    server.handle_exit(signal.SIGINT, None)
    server.handle_exit(signal.SIGINT, None)
    assert (server.should_exit, server.force_exit) == (True, False)


def test_what_was_imported_is_left_out_of_garbage_collection_as_long_as_the_server_runs(tmp_path):
    """A pass over all of it holds every thread up for many milliseconds."""
    with serving(Settings(bundle=tmp_path, port=0), BACKEND):
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0
