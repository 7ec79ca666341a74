"""What a session is opened with, and where its messages go."""

import json
import threading
from dataclasses import replace
from uuid import uuid4

import httpx
import numpy as np
import pylsl
import pytest

from realtime.errors import BadInput
from realtime.live.messages import Quality
from serve.api.server import serving
from serve.settings import Settings
from tests.helpers.amplifier_process import BACKEND, LABELS, ROW, ThreadEngine, decision
from tests.serve.api.test_app import listening, next_of, until


def metric(server, line):
    return next(
        (float(x.split()[-1]) for x in httpx.get(f"{server}/metrics").text.splitlines() if x.startswith(line)), 0
    )


class Noted(ThreadEngine):
    """An engine that notes what it is asked to open."""

    asked: list

    def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
        self.asked.append((query, tracks))
        super().open(session, decoder, query, tracks, paused)


@pytest.fixture
def noted():
    Noted.asked = []
    return replace(BACKEND, engine=Noted), Noted.asked


def test_what_a_request_leaves_out_is_as_the_server_was_started(tmp_path, noted):
    backend, asked = noted
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, delay_s=0.05, tracks=8)
    with serving(settings, backend) as server:
        httpx.post(f"{server}/v1/sessions", json={"stream": "other"})
        httpx.post(f"{server}/v1/sessions", json={"stream": "third", "delay_s": 0.0, "tracks": 1, "markers": "m"})
    assert asked == [(("demo-eeg", None, 0.05), 8), (("other", None, 0.05), 8), (("third", "m", 0.0), 1)]


@pytest.mark.parametrize(
    "wrong", [{"tracks": 0}, {"tracks": 33}, {"delay_s": -0.1}, {"delay_s": 11}, {"record": "/tmp"}]
)
def test_what_no_session_can_have_is_refused(server, wrong):
    assert httpx.post(f"{server}/v1/sessions", json={"stream": "x", **wrong}).status_code == 422


def test_a_request_cannot_name_a_place_to_record_in(server):
    refused = httpx.post(f"{server}/v1/sessions", json={"stream": "x", "record": True})
    assert (refused.status_code, "--record" in refused.json()["detail"]) == (400, True)
    assert len(httpx.get(f"{server}/v1/sessions").json()) == 1


def test_only_lsl_streams_can_be_recorded(tmp_path):
    none = replace(BACKEND, streams=list)
    with serving(Settings(bundle=tmp_path, port=0, record=tmp_path), none) as server:
        body = {"stream": "fieldtrip://localhost:1972"}
        refused = httpx.post(f"{server}/v1/sessions", json=body)
        assert (refused.status_code, "no LSL stream" in refused.json()["detail"]) == (400, True)
        assert httpx.post(f"{server}/v1/sessions", json=body | {"record": False}).status_code == 201


def test_a_session_whose_ways_out_cannot_be_opened_leaves_no_output_behind(tmp_path):
    """The decision streams are opened before the recorder looks for marker streams, which fails here."""
    name = f"amp-{uuid4().hex[:8]}"
    rows = iter([[ROW._replace(name=name)]])

    def streams():
        if (found := next(rows, None)) is None:
            raise BadInput("The network is down: try again.")
        return found

    settings = Settings(bundle=tmp_path, port=0, stream=name, lsl_out=True, record=tmp_path)
    with (
        pytest.raises(BadInput, match="network is down"),
        serving(settings, replace(BACKEND, streams=streams)),
    ):
        pass
    assert not any(thread.name == "glimpse-lsl" for thread in threading.enumerate())
    assert not pylsl.resolve_byprop("name", f"{name}-decisions", timeout=0.5)


def test_scores_of_every_label_reach_those_who_ask(server):
    with listening(server, "/v1/sessions/s1/events?scores=true") as asked, listening(server) as other:
        got = next_of(asked, "decision")
        assert "p" not in next_of(other, "decision")
    assert len(got["p"]) == len(LABELS)
    assert sum(got["p"]) == pytest.approx(1, abs=1e-5)
    assert LABELS[int(np.argmax(got["p"]))] == got["top"][0]["label"]
    assert "embedding" not in got


def test_decisions_leave_as_lsl_streams_named_after_the_one_decoded(tmp_path):
    name = f"amp-{uuid4().hex[:8]}"
    backend = replace(BACKEND, streams=lambda: [ROW._replace(name=name, source_id="serial 7")])
    with serving(Settings(bundle=tmp_path, port=0, lsl_out=True), backend) as server:
        assert httpx.get(f"{server}/v1/sessions/s1").json()["outputs"] == ["lsl"]
        infos = [pylsl.resolve_byprop("name", f"{name}-{kind}", timeout=10)[0] for kind in ("scores", "decisions")]
        assert all("serial 7" in info.source_id() for info in infos)
        scores, decisions = inlets = [pylsl.StreamInlet(info, recover=False) for info in infos]
        for inlet in inlets:
            inlet.open_stream(10)
        said = []
        while not said or said[-1]["type"] != "decision":
            [text], stamp = decisions.pull_sample(10)
            said.append(json.loads(text))
        row, _ = scores.pull_sample(10)
        assert scores.info(10).get_channel_labels() == list(LABELS)
        for inlet in inlets:
            inlet.close_stream()
        httpx.delete(f"{server}/v1/sessions/s1")
        assert not pylsl.resolve_byprop("name", f"{name}-scores", timeout=0.5)
    assert stamp == said[-1]["t_lsl"]
    assert sum(row) == pytest.approx(1, abs=1e-5)


def test_an_output_that_is_stuck_holds_up_neither_clients_nor_the_engine(tmp_path, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr("serve.sessions.output.QUEUE_SIZE", 4)
    monkeypatch.setattr("serve.sessions.output.CLOSE_TIMEOUT_S", 0.1)
    monkeypatch.setattr("serve.sessions.osc.OscSink.send", lambda sink, message: free.wait())
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, osc="127.0.0.1:9")
    with serving(settings, BACKEND) as server, listening(server) as client:
        for _ in range(12):
            next_of(client, "decision")
        assert until(lambda: metric(server, 'glimpse_output_dropped_total{output="osc",session="s1"}') > 0)
        assert httpx.delete(f"{server}/v1/sessions/s1").status_code == 204
    free.set()


def test_statuses_sessions_bad_channels_and_missed_deadlines_are_counted(tmp_path):
    class Troubled(ThreadEngine):
        def open(self, session, decoder, query, tracks=1, paused=False, adapt=False):
            usual, quality = decision(np.random.default_rng(0), 0, 0, 0, 10.0), Quality(False, ("Fz", "Oz"))
            for age in (62.4, 62.6, 200.0):  # a hop is 62.5 ms
                late = replace(usual, quality=quality, latency_ms={"age": age, "encode": 1.0})
                self.publish(session, late)
            for state in ("gap", "gap", "bad_channels"):
                self.report_status(session, state)

    with serving(Settings(bundle=tmp_path, stream="demo-eeg", port=0), replace(BACKEND, engine=Troubled)) as server:
        assert until(lambda: metric(server, 'glimpse_status_total{session="s1",state="bad_channels"}') == 1)
        assert metric(server, 'glimpse_status_total{session="s1",state="gap"}') == 2
        assert metric(server, 'glimpse_gaps_total{session="s1"}') == 2
        assert metric(server, 'glimpse_late_total{session="s1"}') == 2
        assert metric(server, 'glimpse_bad_channels{session="s1"}') == 2
        assert metric(server, "glimpse_sessions ") == 1
        httpx.delete(f"{server}/v1/sessions/s1")
        assert metric(server, "glimpse_sessions ") == 0


def test_a_closed_session_leaves_no_row_of_any_metric(tmp_path):
    """Also not by a client or an output that lose or leave later; the rows of other sessions stay."""
    settings = Settings(bundle=tmp_path, stream="demo-eeg", port=0, osc="127.0.0.1:9")
    with serving(settings, BACKEND) as server:
        other = httpx.post(f"{server}/v1/sessions", json={"stream": "other"}).json()["session"]
        with listening(server) as client:
            next_of(client, "decision")
            rows = httpx.get(f"{server}/metrics").text
            assert rows.count('session="s1"') > 10
            httpx.delete(f"{server}/v1/sessions/s1")
        left = httpx.get(f"{server}/metrics").text
        assert 'session="s1"' not in left
        assert metric(server, f'glimpse_decisions_total{{session="{other}"}}') > 0
