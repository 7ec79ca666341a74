import asyncio
import json
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from fastapi import WebSocket
from websockets.exceptions import InvalidStatus

from serve.api.server import Server, listen, serving
from serve.protocol.frames import unpack_frame
from serve.settings import Settings
from tests.helpers import http
from tests.helpers.amplifier_process import BACKEND, CHANNELS, LABELS, SFREQ, ThreadEngine, decision
from tests.helpers.clients import listening, next_of
from tests.helpers.waiting import PATIENCE_S, until


def test_a_client_gets_hello_then_status_then_decisions(server):
    with listening(server) as client:
        hello, status = json.loads(client.recv(PATIENCE_S)), json.loads(client.recv(PATIENCE_S))
        decisions = [next_of(client, "decision") for _ in range(3)]
    assert (hello["type"], hello["protocol"], hello["session"]) == ("hello", 1, "s1")
    assert (hello["labels"], hello["channels"]) == (list(LABELS), list(CHANNELS))
    assert status["state"] == "live"
    assert all(len(decision["top"]) == 5 and "embedding" not in decision for decision in decisions)


def test_embeddings_are_sent_exactly_to_clients_that_request_them(server):
    with listening(server, "/v1/sessions/s1/events?embedding=true") as asked, listening(server) as other:
        decision = next_of(asked, "decision")
        while (same := next_of(other, "decision"))["seq"] < decision["seq"]:
            pass
    embedding = np.array(decision.pop("embedding"))
    assert embedding.shape == (32,)
    assert np.array_equal(np.float32(embedding), embedding)
    assert decision["seq"] != same["seq"] or decision == same


def test_scores_of_all_labels_are_sent_to_clients_that_request_them(server):
    with listening(server, "/v1/sessions/s1/events?scores=true") as asked, listening(server) as other:
        got = next_of(asked, "decision")
        assert "p" not in next_of(other, "decision")
    assert len(got["p"]) == len(LABELS)
    assert sum(got["p"]) == pytest.approx(1, abs=1e-5)
    assert LABELS[int(np.argmax(got["p"]))] == got["top"][0]["label"]
    assert "embedding" not in got


def test_a_client_that_reconnects_gets_the_messages_it_missed(server):
    with listening(server) as client:
        seen = next_of(client, "decision")["seq"]
    time.sleep(0.3)
    with listening(server, f"/v1/sessions/s1/events?after={seen}") as client:
        assert json.loads(client.recv(PATIENCE_S))["seq"] == seen
        client.recv(PATIENCE_S)
        numbers = [json.loads(client.recv(PATIENCE_S))["seq"] for _ in range(4)]
        assert numbers == [seen + 1, seen + 2, seen + 3, seen + 4]


def test_a_client_away_too_long_gets_the_number_of_lost_messages(tmp_path):
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, keep_messages=4)
    with serving(settings, BACKEND) as server:
        assert until(lambda: http.get(f"{server}/v1/sessions/s1").json()["seq"] > 8)
        with listening(server, "/v1/sessions/s1/events?after=1") as client:
            dropped = next_of(client, "dropped")
            assert dropped["count"] == dropped["seq"] - 1
            assert json.loads(client.recv(PATIENCE_S))["seq"] == dropped["seq"] + 1
        assert f'glimpse_dropped_total{{session="s1"}} {dropped["count"]}.0' in http.get(f"{server}/metrics").text


def test_traces_arrive_as_frames_in_time_order(server):
    with listening(server, "/v1/sessions/s1/signal") as client:
        frames = [unpack_frame(client.recv(PATIENCE_S)) for _ in range(4)]
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


def test_a_page_of_another_origin_is_refused(server):
    with pytest.raises(InvalidStatus) as refused, listening(server, origin="https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403
    with listening(server, origin=server) as client:
        assert json.loads(client.recv(PATIENCE_S))["type"] == "hello"


def test_messages_of_a_client_are_ignored(server):
    with listening(server) as client:
        for said in ("hello?", '{"type": "unheard-of"}', b"\x00\xff", "x" * 10_000):
            client.send(said)
        assert next_of(client, "decision")["type"] == "decision"


def test_closed_sockets_leave_no_reader_task_or_thread(tmp_path):
    """Clients that leave politely, or vanish, leave no reader, no task and no thread behind."""
    threads = set(threading.enumerate())
    listener, url = listen(Settings(bundle=tmp_path, port=0))
    server = Server(Settings(bundle=tmp_path, stream="demo-eeg"), BACKEND)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert until(lambda: server.started and server.servers)
        loop = server.servers[0].get_loop()
        hub = server.app.state.sessions.hub("s1")

        def tasks():
            async def count():
                return len(asyncio.all_tasks())

            return asyncio.run_coroutine_threadsafe(count(), loop).result(PATIENCE_S)

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
    assert until(lambda: set(threading.enumerate()) <= threads)


def test_a_client_that_stops_reading_slows_nobody_and_gets_its_loss(tmp_path):
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
            seen = json.loads(slow.recv(PATIENCE_S))["seq"]
            slow.recv(PATIENCE_S)
            quick_seen = json.loads(quick.recv(PATIENCE_S))["seq"]
            quick.recv(PATIENCE_S)
            for _ in range(120):
                message = json.loads(quick.recv(PATIENCE_S))
                quick_seen += message.get("count", 1)
                assert message["seq"] == quick_seen
            lost = 0
            while not lost:
                message = json.loads(slow.recv(PATIENCE_S))
                seen += message.get("count", 1)
                lost = message.get("count", 0)
                assert message["seq"] == seen
